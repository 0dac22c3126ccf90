"""Schedules worth a closer look: near the best ones, and from all over the space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.counting import locate
from ..core.schedule import Schedule, Value
from ..protocols import Space
from .columns import Columns, Matrix
from .draw import Draw
from .streams import Streams
from .vary import Vary

MOST_NEIGHBOURS = 128
"""Neighbours of one schedule that are looked at; where there are more, so many of them at random."""


class Candidates:
    """Makes schedules from which a search may choose, and rows of numbers of them; what it has made it remembers.

    What it makes of the same arguments is the same, whatever it made before.
    """

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self._drawing = Streams(rng)
        self._draw = Draw(space, self._drawing.rng)
        self._pool: list[Schedule] = []
        self._varying = Streams(rng)
        self._vary = Vary(space, self._varying.rng)
        self._knobs = {knob.name: knob for knob in space.knobs}
        self._columns = Columns(space)
        self._around: dict[Schedule, Sequence[Schedule]] = {}
        self._rows: dict[Schedule, NDArray[np.float32]] = {}

    def drawn(self, count: int) -> Sequence[Schedule]:
        """`count` schedules drawn uniformly, without repetition; fewer where the space has no more."""
        while len(self._pool) < count:
            self._drawing.begin(len(self._pool))
            schedule = self._draw.fresh()
            if schedule is None:
                break
            self._pool.append(schedule)
        return self._pool[:count]

    def around(self, schedule: Schedule, number: int) -> Sequence[Schedule]:
        """The neighbours of `schedule`: those with one decision made anew, and as many with two.

        What no longer fits is repaired. `number` tells the schedule from others for which random numbers are drawn.
        """
        if schedule not in self._around:
            self._varying.begin(number)
            rng, values = self._varying.rng, schedule.values()
            others = [len(self._knobs[name].values) - 1 for name in values]
            single = rng.permutation(sum(others))[:MOST_NEIGHBOURS]
            double = rng.integers(sum(others), size=(len(single), 2))
            picked = [*single[:, None].tolist(), *double.tolist()]
            varied = [self._vary.repair(values | dict(self._changes(values, others, each))) for each in picked]
            self._around[schedule] = tuple(dict.fromkeys(varied))
        return self._around[schedule]

    def rows(self, schedules: Iterable[Schedule]) -> Matrix:
        """Shape (number of schedules, columns)."""
        rows = []
        for schedule in schedules:
            if schedule not in self._rows:
                self._rows[schedule] = self._columns.row(schedule)
            rows.append(self._rows[schedule])
        return np.array(rows, dtype=np.float32)

    def scale(self, rows: Matrix) -> NDArray[np.float32]:
        """Shape (columns,): what to divide them by, for each knob to count alike (`columns.py`)."""
        return self._columns.scale(rows)

    def _changes(
        self, values: Mapping[str, Value], others: Sequence[int], numbers: Iterable[int]
    ) -> Iterator[tuple[str, Value]]:
        """Of all that one decision made anew may give, by number: each knob in turn, to each of its other values."""
        for number in numbers:
            place, rank = locate(number, others)
            name, taken = list(values.items())[place]
            knob = self._knobs[name]
            yield name, knob.values[rank + (rank >= knob.ranks[taken])]
