"""The best schedule of every kind: a MAP-Elites archive."""

from __future__ import annotations

import numpy as np

from ..core.schedule import Schedule
from ..protocols import Space
from .draw import Draw


class Niches:
    """Keeps the best schedule of every niche (MAP-Elites; Mouret, Clune 2015).

    Niches are the Voronoi cells of `number` uniform draws of the space, in the standardised features of complete
    schedules (Vassiliades, Chatzilygeroudis, Mouret 2018). So there are as many as wanted however many features there
    are, and where the space has more schedules there are more niches.
    """

    def __init__(self, space: Space, rng: np.random.Generator, number: int) -> None:
        self._features = space.features
        draw = Draw(space, rng)
        drawn = [schedule for schedule in (draw.fresh() for _ in range(number)) if schedule is not None]
        features = np.array([space.features(schedule) for schedule in drawn or [Schedule()]])
        scale = features.std(axis=0)
        self._scale = np.where(scale > 0, scale, 1.0)
        self._centres = features / self._scale
        self._elites: dict[int, tuple[Schedule, float]] = {}

    def add(self, schedule: Schedule, objective: float) -> None:
        """Keep `schedule` if it is the best of its niche so far."""
        away = self._centres - self._features(schedule) / self._scale
        niche = int(np.einsum("ij,ij->i", away, away).argmin())
        if niche not in self._elites or objective < self._elites[niche][1]:
            self._elites[niche] = schedule, objective

    def elites(self) -> list[tuple[Schedule, float]]:
        """The best of each niche with their objectives, in the order in which the niches were found."""
        return list(self._elites.values())
