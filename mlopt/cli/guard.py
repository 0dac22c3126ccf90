"""`mlopt compare --against RECORD`: whether a kernel is still as fast here as it was said to be."""

from __future__ import annotations

from pathlib import Path

from ..compare.guard import Stored, guard
from ..core.errors import UserError
from ..core.fingerprint import hardware
from ..core.schedule import Schedule
from ..devices import machine, states
from ..result import RECORD
from ..waiting import Waiting
from .errors import complain
from .study_folder import StudyFolder, read


def hold(record: Path, tolerance: float) -> int:
    """Measure the best kernel of a study again: 0 if it holds, 1 if not, and one line that says why.

    `record` is the study's folder, or the record in it. Raises UserError where it says nothing to hold a kernel to.
    """
    if not tolerance >= 0.0:
        raise UserError(f"--tolerance {tolerance:g} must not be negative: 0.05 is five per cent")
    folder = record.parent.parent if record.name == RECORD else record
    study = read(folder)
    stored, schedule = _stored(study, folder), Schedule.of(study.best.schedule)
    with Waiting(complain):
        found = guard(study.workload, study.backend, schedule, study.result.inputs or "warm", stored, tolerance)
    print(f"{'holds' if found.holds else 'does not hold'}: {found.reason}")
    return 0 if found.holds else 1


def _stored(study: StudyFolder, folder: Path) -> Stored:
    best, naive = study.best, study.result.baselines.get("naive")
    if best.seconds is None or best.ci95 is None:
        raise UserError(f"{folder}: its best schedule was never timed beside others, so there is nothing to hold it to")
    return Stored(best.seconds, best.ci95[1], None if naive is None else naive.seconds, _is_here(study))


def _is_here(study: StudyFolder) -> bool:
    """Whether it was timed on hardware like this."""
    here, before = hardware(), study.result.fingerprint
    then = machine({key: before.get(key) for key in here}, study.result.devices)
    return then == machine(here, states(study.backend))
