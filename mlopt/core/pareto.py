"""Several objectives, each to be minimised."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import UserError, nearest
from .trial import Trial

Point = tuple[float, ...]

FIELDS = ("seconds", "compile_seconds")
"""The numbers of a trial that are none of its metrics."""
PATIENCE = 10
"""Successful trials without an objective after which it is not waited for any longer."""


def point(trial: Trial, objectives: Sequence[str]) -> Point | None:
    """What a trial reached in each objective: `seconds`, `compile_seconds` or one of its metrics.

    None for a failure, and for a trial without one of these numbers: not executed, or not readable that time.
    """
    numbers = _numbers(trial)
    return tuple(numbers[name] for name in objectives) if trial.ok and numbers.keys() >= {*objectives} else None


class Known:
    """Finds out whether trials have the objectives that they are asked for."""

    def __init__(self, objectives: Sequence[str]) -> None:
        self._objectives = objectives
        self._names: dict[str, None] = {}
        self._seen = 0

    def see(self, trial: Trial) -> None:
        """Raise UserError for an objective that no trial had so far, once it is misspelt or PATIENCE is over."""
        if not trial.ok:
            return
        self._seen += 1
        self._names.update(dict.fromkeys(_numbers(trial)))
        for name in self._objectives:
            if name not in self._names:
                meant = "" if name in FIELDS else nearest(name, self._names)
                if meant or self._seen >= PATIENCE:
                    raise UserError(f"search.objectives: trials have no {name!r}, only {', '.join(self._names)}{meant}")


def _numbers(trial: Trial) -> dict[str, float]:
    fields = {name: getattr(trial, name) for name in FIELDS}
    return {name: number for name, number in {**fields, **trial.metrics}.items() if number is not None}


def front(trials: Sequence[Trial], objectives: Sequence[str]) -> list[tuple[Trial, Point]]:
    """The trials with a point that no other one beats in some objective without being beaten in another one, in the
    order of the first objective. Of trials that are equal in all of them the first counts.
    """
    import moocore

    reached: dict[Point, Trial] = {}
    for trial in trials:
        if (at := point(trial, objectives)) is not None:
            reached.setdefault(at, trial)
    if not reached:
        return []
    kept = moocore.is_nondominated(list(reached))
    return [(reached[at], at) for at in sorted(at for at, keep in zip(reached, kept, strict=True) if keep)]
