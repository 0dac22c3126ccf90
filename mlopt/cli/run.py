"""`mlopt [GROUP=OPTION] [KEY=VALUE]...`: compose, instantiate, run."""

from __future__ import annotations

import logging
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from ..calibration import calibrated
from ..core.errors import UserError
from ..protocols import SharableExecutor, StudyInfo
from ..trial_log import TrialLog
from .compose import CONFIG_NAME, compose, expand, folder_to_resume, hydra_session, sweep_words, unknown_key
from .console import below_here
from .errors import complain, lacking, one_line
from .instantiate import instantiate
from .parser import Parser
from .sweep.words import has_own_sweeper, sweep_settings

if TYPE_CHECKING:
    from hydra._internal.hydra import Hydra

    from .sweep.study import Part

log = logging.getLogger("mlopt")
CHOICES = ("workload", "backend", "search", "evaluator")
"""What names a study."""


def run(arguments: Sequence[str]) -> int:
    """Run the study, or the sweep of studies, that `arguments` describe; its exit code (of a sweep, the highest)."""
    logging.captureWarnings(True)  # to the log: the terminal belongs to the progress display
    call = _parser().parse_intermixed_args(list(arguments))
    words = sweep_settings(call.overrides)
    if call.cfg and call.multirun:
        raise UserError("--cfg prints the configuration of one study: leave out -m, and give each key one value")
    if (call.package or call.resolve) and not call.cfg:
        raise UserError("--package and --resolve say what --cfg prints: add --cfg job")
    with hydra_session() as hydra:
        try:
            if (folder := folder_to_resume(hydra, words)) is not None:
                if call.multirun:
                    raise UserError("resume=DIR goes on with one study: leave out -m; a sweep takes sweep.resume=DIR")
                from .resume import go_on, resumed  # loads pydantic

                config = resumed(hydra, folder, words)
                return _show(config, call.cfg, call.package, call.resolve) if call.cfg else go_on(hydra, config, job)
            if call.multirun and has_own_sweeper(words):
                return _run_sweep(hydra, words)
            config = compose(hydra, expand(hydra, words)[0] if call.multirun else words)
            sweep = call.multirun or config.hydra.mode == RunMode.MULTIRUN
            jobs = expand(hydra, [*sweep_words(config), *words]) if sweep else []
            configs = [compose(hydra, job) for job in jobs] or [config]
            directories = []
            for number, config in enumerate(configs):
                OmegaConf.copy_cache(configs[0], config)  # `now` is one moment for all, as it will be in the sweep
                directories.append(_preflight(config, number if sweep else None))
            if call.cfg:
                return _show(configs[0], call.cfg, call.package, call.resolve)
            if not (sweep and config.hydra.launcher.get("resume")):
                _check_free(directories, "hydra.sweep.dir" if sweep else "hydra.run.dir")
            return _run_sweep(hydra, words) if sweep else _run(hydra, words)
        except (HydraException, OmegaConfBaseException, OSError) as error:
            raise UserError(error) from error


def _run_sweep(hydra: Hydra, words: list[str]) -> int:
    from .sweep.run import run_sweep  # loads what a single study has no use for

    return run_sweep(hydra, words)


def _run(hydra: Hydra, words: list[str]) -> int:
    code: int = hydra.run(CONFIG_NAME, job, words).return_value
    return code


def _preflight(config: DictConfig, number: int | None) -> Path:
    """Where a study will write, on its own or as job `number` of a sweep; this writes nothing yet.

    Raises UserError if the configuration does not fit the constructors.
    """
    with open_dict(config.hydra):
        if number is not None:
            config.hydra.job.num, config.hydra.job.id = number, str(number)
    HydraConfig.instance().set_config(config)  # which the folder's name may refer to
    sweep = config.hydra.sweep
    directory = Path(config.hydra.run.dir) if number is None else Path(sweep.dir, sweep.subdir)
    with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
        config.hydra.runtime.output_dir = str(directory)
    HydraConfig.instance().set_config(config)
    try:
        instantiate(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]))
    except UserError:
        raise
    except Exception:  # met again in the job, where there is a log to hold its traceback
        pass
    return directory


def _check_free(directories: Sequence[Path], key: str) -> None:
    """Raise UserError if a study would write to where another one does, or has."""
    for directory, studies in Counter(directories).items():
        if studies > 1:
            raise UserError(f"{studies} studies would write to {directory}; make hydra.sweep.subdir differ by study")
        if (directory / TrialLog.NAME).exists():
            hint = f"choose another folder as {key}, or go on with it by mlopt resume={directory}"
            raise UserError(f"{directory} holds a study already; {hint}")


def _show(config: DictConfig, kind: str, package: str | None, resolve: bool) -> int:
    """Print a study's own configuration (`job`), Hydra's, or both (`all`); of it, what lies at the path `package`."""
    HydraConfig.instance().set_config(config)
    keys = [str(key) for key in config if kind == "all" or (key == "hydra") == (kind == "hydra")]
    shown: Any = OmegaConf.masked_copy(config, keys)
    if package is not None:
        if fault := unknown_key(OmegaConf.to_container(shown), package):
            raise UserError(fault)
        shown = OmegaConf.select(shown, package)
    if not OmegaConf.is_config(shown):
        print("null" if shown is None else shown)
        return 0
    if package is not None:
        print(f"# @package {package}")
    print(OmegaConf.to_yaml(shown, resolve=resolve), end="")
    return 0


def job(config: DictConfig, part: Part | None = None) -> int:
    """Run one study, or `part` of a sweep, in the folder that Hydra made for it; its exit code."""
    directory = Path(HydraConfig.get().runtime.output_dir)
    say = complain if part is None else part.complain
    try:
        from ..study import NoValidSchedule, Study
        from .progress import Progress

        try:
            parts = instantiate(config)
            trackers = [parts.pop("tracker"), part or Progress(parts["budget"])]
            archive = parts.pop("archive")
            if part is not None:  # studies that are compared measure all for themselves
                archive = replace(archive, reuse=False)
                if part.executor_address is not None and isinstance(parts["executor"], SharableExecutor):
                    parts["executor"].join(part.executor_address)
            info = _info(config, directory, sweep=part is not None)
            if archive.lacks:
                trackers[-1].note(f"measurements are not kept for other studies: that needs {archive.lacks}")
            resume = bool(config.resume)
            parts["evaluator"] = calibrated(parts["evaluator"], parts["backend"], directory, resume)
            kept = archive.of_study(**parts)
            Study(**parts, trackers=trackers, info=info, resume=resume, archive=kept).run()
        except NoValidSchedule as error:
            say(error)
            return 3
    except KeyboardInterrupt as error:
        if part is None and (directory / TrialLog.NAME).exists():
            error.add_note(f"mlopt resume={shlex.quote(str(below_here(directory)))} goes on with it")
        raise
    except UserError as error:
        say(error)
        return 2
    except ModuleNotFoundError as error:
        log.exception("mlopt lacks a package")
        say(lacking(error))
        return 2
    except Exception as error:
        log.exception("mlopt failed")
        say(f"internal error: {one_line(error) or type(error).__name__}; see {directory / 'mlopt.log'}")
        return 1
    return 0


def _info(config: DictConfig, directory: Path, sweep: bool) -> StudyInfo:
    hydra = HydraConfig.get()
    chosen = hydra.runtime.choices
    tags = {group: str(chosen[group]) for group in (*CHOICES, "executor", "target") if group in chosen}
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    return StudyInfo(
        name="-".join([*(tags[group] for group in CHOICES), str(config.seed)]),
        directory=directory,
        config={str(key): value for key, value in plain.items()},
        tags=tags,
        sweep=Path(hydra.sweep.dir) if sweep else None,
    )


def _parser() -> Parser:
    """The flags of Hydra's own command line that make sense for a study."""
    parser = Parser("", "see mlopt --help")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--multirun", "-m", action="store_true")
    parser.add_argument("--cfg", "-c", choices=["job", "hydra", "all"])
    parser.add_argument("--package", "-p")
    parser.add_argument("--resolve", action="store_true")
    return parser
