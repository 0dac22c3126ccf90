"""Schedules as rows of numbers, to learn from."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from ..core.schedule import Decision, Schedule
from ..protocols import Space

MOST = 32
"""Columns of one knob; where it has more values some share a column, by a hash (Weinberger et al. 2009)."""

Matrix = NDArray[np.float32]


class Columns:
    """The features of a space, and a column for each value of a knob whose values are in no order.

    Such a column is 1 where the schedule has the value, else 0. So any two values are equally far apart, in whatever
    order the space lists them.
    """

    def __init__(self, space: Space) -> None:
        self._features = space.features
        features = len(space.features(Schedule()))
        groups = list(range(features))
        self._column: dict[Decision, int] = {}
        for knob in space.knobs:
            if not knob.scalar:
                width = min(len(knob.values), MOST)
                for rank, value in enumerate(knob.values):
                    place = rank if width == len(knob.values) else zlib.crc32(repr(value).encode()) % MOST
                    self._column[Decision(knob.name, value)] = len(groups) + place
                groups += [len(groups)] * width
        self._groups = np.array(groups, dtype=np.intp)

    def row(self, schedule: Schedule) -> NDArray[np.float32]:
        """Shape (columns,)."""
        row = np.zeros(len(self._groups), dtype=np.float32)
        features = self._features(schedule)
        row[: len(features)] = features
        row[[self._column[decision] for decision in schedule if decision in self._column]] = 1.0
        return row

    def scale(self, rows: Matrix) -> NDArray[np.float32]:
        """Shape (columns,): what to divide columns by, so that features count alike, a knob in no order as one.

        The deviation of a feature among `rows`; of all columns of a knob together, the root of their variances' sum.
        It is 1 where nothing varies.
        """
        variance = np.bincount(self._groups, rows.var(axis=0, dtype=np.float64), len(self._groups))[self._groups]
        return np.where(variance > 0.0, np.sqrt(variance), 1.0).astype(np.float32)
