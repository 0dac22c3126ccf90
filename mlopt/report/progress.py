"""How a study came to its best schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..core.schedule import Schedule, Value
from ..core.trial import Trial

ABSENT = "—"
"""What stands for the value of a knob that a schedule does not have."""


@dataclass(frozen=True, slots=True)
class Step:
    """A trial that was better than all before it."""

    trial: int
    number: int
    """Of trials that had ended by then."""
    objective: float
    gain: float
    """The best before over this one; 1 for the first."""
    changed: Sequence[tuple[str, Value, Value]]
    """The knobs that were set otherwise in the best before, with both values; empty for the first."""


def steps(trials: Sequence[Trial]) -> list[Step]:
    """The path of improvement, from the first valid trial on."""
    path: list[Step] = []
    best: Trial | None = None
    for number, trial in enumerate(trials, start=1):
        reached = trial.reached
        if reached is None or (best is not None and reached >= (best.reached or 0.0)):
            continue
        gain = 1.0 if best is None else (best.reached or 0.0) / reached
        changed = [] if best is None else changes(best.schedule, trial.schedule)
        path.append(Step(trial.trial, number, reached, gain, changed))
        best = trial
    return path


def changes(before: Schedule, after: Schedule) -> list[tuple[str, Value, Value]]:
    """The knobs in which two schedules differ, with both values."""
    old, new = before.values(), after.values()
    return [
        (knob, old.get(knob, ABSENT), new.get(knob, ABSENT))
        for knob in dict.fromkeys((*new, *old))
        if old.get(knob) != new.get(knob)
    ]
