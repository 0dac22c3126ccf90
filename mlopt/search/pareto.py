"""A population for several objectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.pareto import Known, point
from ..core.schedule import Schedule
from ..core.trial import Trial
from .population import Population


class Pareto(Population):
    """The `size` fittest by NSGA-II (Deb, Pratap, Agarwal, Meyarivan 2002).

    Those that fewer fronts dominate come first, and within a front those with more room around them. Sorting and
    crowding distance are DEAP's.

    Trials join one by one, as in the steady-state form of the method (Durillo et al. 2009).
    """

    def __init__(self, size: int, objectives: Sequence[str]) -> None:
        from deap import base

        self._size = size
        self._objectives = objectives
        self._known = Known(objectives)
        self._fitness: Any = type("Cost", (base.Fitness,), {"weights": (-1.0,) * len(objectives)})
        self._members: dict[Schedule, _Member] = {}

    @property
    def members(self) -> Sequence[Schedule]:
        return list(self._members)

    def turn(self, number: int) -> Pareto:
        """It is always the turn of this one population."""
        return self

    def join(self, trial: Trial, number: int, rng: np.random.Generator) -> None:
        """Let `trial` join, as with islands."""
        self.add(trial)

    def add(self, trial: Trial) -> None:
        """Let a trial join that has all objectives. Raises UserError for one that trials do not have."""
        from deap.tools import emo

        self._known.see(trial)
        reached = point(trial, self._objectives)
        if reached is None:
            return
        self._members[trial.schedule] = _Member(trial.schedule, self._fitness(reached))
        ranked: list[_Member] = []
        for front in emo.sortNondominated(list(self._members.values()), self._size):
            emo.assignCrowdingDist(front)
            ranked += sorted(front, key=lambda member: -member.fitness.crowding_dist)
        self._members = {member.schedule: member for member in ranked[: self._size]}

    def beats(self, trial: Trial, member: Schedule) -> bool:
        """Whether a trial dominates a member."""
        reached = point(trial, self._objectives)
        return reached is not None and bool(self._fitness(reached).dominates(self._members[member].fitness))


@dataclass(frozen=True, slots=True, eq=False)
class _Member:
    """What DEAP calls an individual."""

    schedule: Schedule
    fitness: Any
