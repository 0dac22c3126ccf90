"""`mlopt resume=DIR [KEY=VALUE]...`: go on with a study from its folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import run_job
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from .. import result
from ..core import record
from ..core.errors import CompileError, InvalidSchedule, UserError
from ..core.trial import WorkerLost
from ..trial_log import TrialLog
from .compose import RESUME, compose, parse
from .errors import complain
from .instantiate import build
from .study_folder import CONFIG, Result, load, read, read_result

if TYPE_CHECKING:
    from hydra._internal.hydra import Hydra

SWEEP = "multirun.yaml"
"""What Hydra leaves in the folder of a sweep."""
GROUPS = ("executor", "tracker")
LIMITS = ("budget.trials", "budget.seconds", "budget.money")
"""What may be given anew: who runs and mirrors the trials, and how many there may be. All else is the study itself."""


def resumed(hydra: Hydra, folder: Path, words: Sequence[str]) -> DictConfig:
    """The configuration of the study in `folder`, changed as `words` say, Hydra's own part included.

    Raises UserError where there is no study, and for words that would make it another one.
    """
    if (folder / SWEEP).is_file():
        raise UserError(f"{folder} holds a sweep; what goes on with it are its own words and sweep.resume={folder}")
    stored = load(folder)
    choices = _choices(folder)
    overrides = [override for override in parse(hydra, words) if override.key_or_group != RESUME]
    for override in overrides:
        if not _is_free(override.key_or_group):
            allowed = ", ".join([*LIMITS, *GROUPS])
            raise UserError(f"{override.input_line} would make it another study; what may be changed: {allowed}")
    kept = [f"{group}={choices[group]}" for group in GROUPS if group in choices]
    config = compose(hydra, [*kept, *words])
    if not isinstance(stored.get("budget"), DictConfig):
        raise UserError(f"{folder / CONFIG} says of no budget, as a study's does")
    with open_dict(stored):
        for override in overrides:
            key = override.key_or_group
            OmegaConf.update(stored, key, OmegaConf.select(config, key), merge=False, force_add=True)
            if key in GROUPS:
                choices[key] = str(override.value())
        stored[RESUME] = str(folder)
    budget: Any = OmegaConf.to_container(stored.budget, resolve=True)
    build("budget", budget)  # which raises UserError, before anything is kept of it
    with read_write(config), open_dict(config):
        stored.hydra = config.hydra
        stored.hydra.run.dir = str(folder.absolute())
        stored.hydra.output_subdir = None  # the configuration is there, and must survive a full disk
        stored.hydra.runtime.choices = choices
    return stored


def go_on(hydra: Hydra, config: DictConfig, job: Callable[[DictConfig], int]) -> int:
    """Let `job` go on with the study, unless it is complete; the exit code."""
    folder = Path(config.resume)
    limits = {key.removeprefix("budget."): OmegaConf.select(config, key) for key in LIMITS}
    if (found := _complete(folder, limits)) is not None:
        if found.best is not None and not (folder / "best").exists():
            _export(folder, found)
        more = "nothing is left to try" if found.exhausted else "a larger budget, as budget.trials=N, goes on with it"
        print(f"{folder} is complete: {found.trials} trials; {more}")
        if found.best is None:
            complain(f"none of {found.trials} trials was valid; see {folder / TrialLog.NAME}")
        return 0 if found.best else 3
    _keep_limits(folder, limits)
    from hydra._internal.callbacks import Callbacks

    context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))
    code: int = run_job(job, config, "hydra.run.dir", None, context).return_value
    return code


def _is_free(key: str) -> bool:
    return key in LIMITS or key.partition(".")[0] in GROUPS


def _choices(folder: Path) -> dict[str, str]:
    """Which option of each group the study was called with; of a damaged file, none."""
    try:
        hydra: Any = OmegaConf.load(folder / CONFIG.parent / "hydra.yaml")
        return {str(group): str(option) for group, option in hydra.hydra.runtime.choices.items()}
    except Exception:
        raise UserError(f"cannot read what was chosen from {folder / CONFIG.parent / 'hydra.yaml'}") from None


def _complete(folder: Path, limits: dict[str, Any]) -> Result | None:
    """The result of a study that has nothing left to try within `limits`."""
    try:
        found = read_result(folder / result.NAME)
        trials = record.read_log(folder / TrialLog.NAME, cut_short=True)
    except UserError:
        return None  # to be written, or complained of by whoever needs it
    spent = found.exhausted or found.budget == limits or found.trials >= limits["trials"]
    return found if spent and not found.interrupted and found.trials == len(trials) else None


def _export(folder: Path, found: Result) -> None:
    """Write what a study found best, for which it had no time. Raises UserError where that cannot be made any more."""
    from ..aside import export  # loads what only runs of kernels need
    from ..waiting import Waiting

    study = read(folder)
    try:
        with Waiting(complain):
            export(study.workload, study.backend, found.model_dump(exclude_unset=True), folder)
    except (CompileError, InvalidSchedule, WorkerLost) as error:
        raise UserError(f"{folder}: its best schedule cannot be exported: {error}") from error


def _keep_limits(folder: Path, limits: dict[str, Any]) -> None:
    """Write a new budget into the study's configuration, so that it is resumed with this one the next time."""
    stored = load(folder)
    if all(stored.budget.get(limit) == value for limit, value in limits.items()):
        return
    with open_dict(stored):
        stored.budget.update(limits)
    temporary = folder / CONFIG.with_suffix(".new")
    temporary.write_text(OmegaConf.to_yaml(stored), encoding="utf-8")
    temporary.replace(folder / CONFIG)
