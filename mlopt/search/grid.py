"""Exhaustive search."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from ..core.errors import InvalidSchedule
from ..core.schedule import Schedule
from ..core.trial import Trial
from ..protocols import Space, StudyContext


class Grid:
    """Exhaustive search: every schedule of the tree once, depth first, the last decision varying fastest.

    Options come in the space's order, so the order of schedules is that of an odometer. A budget below the size of the
    space sees the first part of it alone; `random` is the exhaustive search whose beginning is a fair sample.
    """

    _space: Space
    _seen: set[Schedule]
    _left: Iterator[Schedule]

    def start(self, space: Space, context: StudyContext) -> None:
        self._space = space
        self._seen = set()
        self._left = self._walk()

    def ask(self, n: int) -> Sequence[Schedule]:
        return list(itertools.islice(self._left, n))

    def tell(self, trials: Sequence[Trial]) -> None:
        self._seen.update(trial.schedule for trial in trials if self._legal(trial.schedule))

    def _walk(self) -> Iterator[Schedule]:
        """The schedules that were not seen by the time it is their turn; memory holds one path of the tree."""
        path = [iter([Schedule()])]
        while path:
            prefix = next(path[-1], None)
            if prefix is None:
                path.pop()
            elif options := self._space.options(prefix):
                path.append(map(prefix.then, options))
            elif prefix not in self._seen and self._legal(prefix):  # a space without schedules ends at its root
                yield prefix

    def _legal(self, schedule: Schedule) -> bool:
        try:
            self._space.check(schedule)
        except InvalidSchedule:
            return False
        return True
