"""Beginning with what an earlier study found best."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..core.errors import InvalidSchedule, UserError
from ..core.judged import LOG, read_judged
from ..core.pareto import front
from ..core.schedule import Schedule
from ..core.trial import Trial
from ..protocols import Search, Space, StudyContext
from . import partner
from .vary import Vary

MOST = 10
"""Schedules taken over from an earlier study."""
SHARE = 4
"""At most one trial in so many goes to them."""
NAME = "warm_start.json"
"""What a study keeps of them in its folder: by the time that it is gone on with, others may be the best."""


class WarmStart:
    """Any search, begun with the best schedules of an earlier study: of the same kernel, or of one with other sizes.

    They are tried again rather than believed, so a result rests on this study's measurements alone. Decisions that are
    not legal here become the nearest legal ones. The search is told of these trials as of any others, and asked once
    all are proposed. Where it has several objectives, its own front of the earlier trials comes first.

    `path` is the earlier study's folder or its `trials.jsonl`, unless `source` reads the trials from elsewhere. Raises
    UserError where there are none, or where they have nothing to say of this space; both only when the study starts.
    """

    def __init__(self, search: Search, path: str, source: Callable[[], Sequence[Trial]] | None = None) -> None:
        self._search = search
        self._path = Path(path)
        self._source = source or self._log

    @property
    def objectives(self) -> Sequence[str]:
        """Those of the search."""
        return partner.objectives(self._search)

    @property
    def spent(self) -> float:
        """By the search."""
        return partner.spent(self._search)

    def start(self, space: Space, context: StudyContext) -> None:
        key = context.rng.integers(1 << 64, dtype=np.uint64)
        kept = None if context.directory is None else context.directory / NAME
        if kept is not None and kept.exists():
            self._left = _read(kept, space)
        else:
            vary = Vary(space, np.random.Generator(np.random.Philox(key=key)))
            self._left = self._taken_over(space, vary, min(MOST, max(1, context.budget.trials // SHARE)))
            if kept is not None:
                _write(kept, self._left)
        self._proposed: set[Schedule] = set()
        self._search.start(space, context)

    def ask(self, n: int) -> Sequence[Schedule]:
        first, self._left = self._left[:n], self._left[n:]
        self._proposed.update(first)
        return [*first, *self._further(n - len(first))]

    def tell(self, trials: Sequence[Trial]) -> None:
        told = {trial.schedule for trial in trials}
        self._left = [schedule for schedule in self._left if schedule not in told]
        self._proposed |= told
        self._search.tell(trials)

    def account(self, schedule: Schedule) -> tuple[str, Mapping[str, float]]:
        """What the search says of its own."""
        return partner.account(self._search, schedule)

    def _further(self, n: int) -> Iterator[Schedule]:
        """At most `n` proposals of the search, without those that it cannot know to be under way.

        Asked for none it proposes none, and knows that what it is told from here on are no trials of an earlier time.
        """
        while asked := self._search.ask(n):
            new = [schedule for schedule in asked if schedule not in self._proposed]
            n -= len(new)
            yield from new

    def _taken_over(self, space: Space, vary: Vary, most: int) -> list[Schedule]:
        """The best schedules of the earlier study, made legal here: `most` at most."""
        ranked = self._earlier(most)
        known = {knob.name for knob in space.knobs}
        if not any(decision.knob in known for schedule in ranked for decision in schedule):
            raise UserError(f"search.warm_start={self._path}: its trials decide nothing that there is to decide here")
        legal: dict[Schedule, None] = {}
        for schedule in ranked:  # no more than are needed: a log may be long, and a tree deep
            if len(legal) == most:
                break
            legal[vary.repair(schedule.values())] = None
        return list(legal)

    def _earlier(self, most: int) -> list[Schedule]:
        """The schedules of the earlier study that worked: `most` from all over their front, then the best first."""
        try:
            trials = self._source()
        except UserError as error:
            raise UserError(f"search.warm_start={self._path}: {error}") from None
        # Estimates come last: one may tie with the best that was measured.
        ranked = sorted(
            (trial for trial in trials if trial.objective is not None),
            key=lambda trial: (trial.reached is None, trial.objective or 0.0),
        )
        if not ranked:
            raise UserError(f"search.warm_start={self._path}: none of its trials was valid")
        edge = front(trials, self.objectives) if self.objectives else []
        spread = [edge[round(place)][0] for place in np.linspace(0, len(edge) - 1, min(most, len(edge)))]
        return list(dict.fromkeys(trial.schedule for trial in (*spread, *ranked)))

    def _log(self) -> Sequence[Trial]:
        """The trials in the file or folder."""
        return read_judged(self._path / LOG if self._path.is_dir() else self._path, cut_short=True)


def _write(file: Path, schedules: Sequence[Schedule]) -> None:
    """Keep schedules in a file, as a whole or not at all. Raises UserError where there is no room."""
    half = file.with_suffix(".new")
    try:
        half.write_text(json.dumps([schedule.values() for schedule in schedules]) + "\n")
        half.replace(file)
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}") from None


def _read(file: Path, space: Space) -> list[Schedule]:
    """The schedules in a file. Raises UserError where it holds none of this space."""
    from ..core.record import read_schedules  # loads pydantic

    try:
        schedules = read_schedules(file)
        for schedule in schedules:
            space.check(schedule)
    except (UserError, InvalidSchedule) as error:
        raise UserError(f"{file}: {error}") from None
    return schedules
