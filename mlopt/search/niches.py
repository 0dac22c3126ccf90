"""The best schedule of every kind: a MAP-Elites archive."""

from __future__ import annotations

import numpy as np

from ..core.schedule import Schedule
from ..protocols import Space
from .columns import Columns
from .draw import Draw


class Niches:
    """Keeps the best schedule of every niche (MAP-Elites; Mouret, Clune 2015).

    Niches are the Voronoi cells of `number` uniform draws of the space, in the standardised columns of schedules
    (`columns.py`; Vassiliades, Chatzilygeroudis, Mouret 2018). So there are as many as wanted however many columns
    there are, and where the space has more schedules there are more niches.
    """

    def __init__(self, space: Space, rng: np.random.Generator, number: int) -> None:
        draw = Draw(space, rng)
        drawn = [schedule for schedule in (draw.fresh() for _ in range(number)) if schedule is not None]
        self._columns = Columns(space)
        rows = np.array([self._columns.row(schedule) for schedule in drawn or [Schedule()]])
        self._scale = self._columns.scale(rows)
        self._centres = rows / self._scale
        self._elites: dict[int, tuple[Schedule, float]] = {}

    def add(self, schedule: Schedule, objective: float) -> None:
        """Keep `schedule` if it is the best of its niche so far."""
        away = self._centres - self._columns.row(schedule) / self._scale
        niche = int(np.einsum("ij,ij->i", away, away).argmin())
        if niche not in self._elites or objective < self._elites[niche][1]:
            self._elites[niche] = schedule, objective

    def elites(self) -> list[tuple[Schedule, float]]:
        """The best of each niche with their objectives, in the order in which the niches were found."""
        return list(self._elites.values())
