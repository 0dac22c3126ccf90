"""`mlopt [GROUP=OPTION] [KEY=VALUE]...`: compose, instantiate, run."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from ..core.errors import UserError
from ..protocols import StudyInfo
from .compose import CONFIG_NAME, compose, expand, hydra_session
from .errors import complain, one_line
from .instantiate import instantiate

if TYPE_CHECKING:
    from hydra._internal.hydra import Hydra

log = logging.getLogger("mlopt")
CHOICES = ("workload", "backend", "search", "evaluator", "executor")


def run(arguments: Sequence[str]) -> int:
    """Run the study, or the sweep of studies, that `arguments` describe; its exit code (of a sweep, the highest)."""
    logging.captureWarnings(True)  # to the log: the terminal belongs to the progress display
    call = _parser().parse_intermixed_args(list(arguments))
    words: list[str] = call.overrides
    with hydra_session() as hydra:
        try:
            configs = [compose(hydra, job) for job in (expand(hydra, words) if call.multirun else [words])]
            for config in configs:
                _preflight(config)
            if call.cfg:
                hydra.show_cfg(CONFIG_NAME, words, call.cfg, call.package, call.resolve)
                return 0
            return _run(hydra, words, sweep=call.multirun or configs[0].hydra.mode == RunMode.MULTIRUN)
        except (HydraException, OmegaConfBaseException, OSError) as error:
            raise UserError(error) from error


def _run(hydra: Hydra, words: list[str], sweep: bool) -> int:
    codes: list[int] = []

    def job(config: DictConfig) -> None:
        codes.append(_job(config))

    if sweep:
        hydra.multirun(CONFIG_NAME, job, words)
    else:
        hydra.run(CONFIG_NAME, job, words)
    return max(codes)


def _preflight(config: DictConfig) -> None:
    """Raise UserError before anything is written, if the configuration does not fit the constructors."""
    config = config.copy()
    with open_dict(config.hydra.runtime):
        config.hydra.runtime.output_dir = config.hydra.run.dir
    HydraConfig.instance().set_config(config)
    with open_dict(config):
        del config["hydra"]
    try:
        instantiate(config)
    except UserError:
        raise
    except Exception:  # met again in the job, where there is a log to hold its traceback
        return


def _job(config: DictConfig) -> int:
    """Run one study in the folder that Hydra made for it; its exit code."""
    directory = Path(HydraConfig.get().runtime.output_dir)
    try:
        from ..study import NoValidSchedule, Study
        from .progress import Progress

        try:
            parts = instantiate(config)
            trackers = [parts.pop("tracker"), Progress(parts["budget"])]
            Study(**parts, trackers=trackers, info=_info(config, directory)).run()
        except NoValidSchedule as error:
            complain(error)
            return 3
    except UserError as error:
        complain(error)
        return 2
    except Exception as error:
        log.exception("mlopt failed")
        complain(f"internal error: {one_line(error) or type(error).__name__}; see {directory / 'mlopt.log'}")
        return 1
    return 0


def _info(config: DictConfig, directory: Path) -> StudyInfo:
    chosen = HydraConfig.get().runtime.choices
    tags = {group: str(chosen[group]) for group in CHOICES}
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    return StudyInfo(
        name="-".join([*(tags[group] for group in CHOICES if group != "executor"), str(config.seed)]),
        directory=directory,
        config={str(key): value for key, value in plain.items()},
        tags=tags,
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see mlopt --help")


def _parser() -> argparse.ArgumentParser:
    """The flags of Hydra's own command line that make sense for a study."""
    parser = _Parser(prog="mlopt", add_help=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--multirun", "-m", action="store_true")
    parser.add_argument("--cfg", "-c", choices=["job", "hydra", "all"])
    parser.add_argument("--package", "-p")
    parser.add_argument("--resolve", action="store_true")
    return parser
