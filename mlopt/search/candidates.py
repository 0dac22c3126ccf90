"""Schedules worth a closer look: near the best ones, and from all over the space."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.schedule import Schedule
from ..protocols import Space
from .draw import Draw
from .streams import Streams
from .vary import Vary

MOST_NEIGHBOURS = 128
"""Neighbours of one schedule that are looked at; where there are more, so many of them at random."""


class Candidates:
    """Makes schedules from which a search may choose, and their features; what it has made it remembers.

    What it makes of the same arguments is the same, whatever it made before.
    """

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self._space = space
        self._drawing = Streams(rng)
        self._draw = Draw(space, self._drawing.rng)
        self._pool: list[Schedule] = []
        self._varying = Streams(rng)
        self._vary = Vary(space, self._varying.rng)
        self._values = {knob.name: knob.values for knob in space.knobs}
        self._around: dict[Schedule, Sequence[Schedule]] = {}
        self._features: dict[Schedule, NDArray[np.float32]] = {}

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
            changes = [{k: v} for k, taken in values.items() for v in self._values[k] if v != taken]
            single = [changes[index] for index in rng.permutation(len(changes))[:MOST_NEIGHBOURS]]
            double = [changes[a] | changes[b] for a, b in rng.integers(len(changes), size=(len(single), 2))]
            varied = [self._vary.repair(values | change) for change in (*single, *double)]
            self._around[schedule] = tuple(dict.fromkeys(varied))
        return self._around[schedule]

    def features(self, schedules: Iterable[Schedule]) -> NDArray[np.float32]:
        """Shape (number of schedules, d)."""
        rows = []
        for schedule in schedules:
            if schedule not in self._features:
                self._features[schedule] = self._space.features(schedule)
            rows.append(self._features[schedule])
        return np.array(rows, dtype=np.float32)
