"""Several objectives, each to be minimised."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import UserError, nearest
from .trial import Trial

Point = tuple[float, ...]


def point(trial: Trial, objectives: Sequence[str]) -> Point | None:
    """What a trial reached in each objective: `seconds`, `compile_seconds` or one of its metrics; None for a failure.

    Raises UserError for a successful trial that has no such number.
    """
    if not trial.ok:
        return None
    known = {"seconds": trial.seconds, "compile_seconds": trial.compile_seconds, **trial.metrics}
    numbers = {name: number for name, number in known.items() if number is not None}
    for name in objectives:
        if name not in numbers:
            known_names = f"{', '.join(numbers)}{nearest(name, numbers)}"
            raise UserError(f"search.objectives: trials have no {name!r}, only {known_names}")
    return tuple(numbers[name] for name in objectives)


def front(trials: Sequence[Trial], objectives: Sequence[str]) -> list[tuple[Trial, Point]]:
    """The successful trials that no other one beats in some objective without being beaten in another one, in the
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
