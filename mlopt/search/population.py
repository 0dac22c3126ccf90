"""Schedules that may become parents."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from ..core.schedule import Schedule
from ..core.trial import Trial


class Population(ABC):
    """The best schedules of those that joined, the fittest first."""

    @property
    @abstractmethod
    def members(self) -> Sequence[Schedule]: ...
    @abstractmethod
    def add(self, trial: Trial) -> None:
        """Let a trial join, if it is fit enough; a failure never is."""

    @abstractmethod
    def beats(self, trial: Trial, member: Schedule) -> bool:
        """Whether a trial is better than a member."""

    def select(self, rng: np.random.Generator, tournament: int) -> Schedule:
        """The fittest of `tournament` random members."""
        winner = min(rng.integers(len(self.members), size=tournament).tolist())
        return self.members[int(winner)]


class Best(Population):
    """The `size` schedules of the least objective."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._members: dict[Schedule, float] = {}

    @property
    def members(self) -> Sequence[Schedule]:
        return list(self._members)

    def add(self, trial: Trial) -> None:
        if trial.objective is not None:
            self.settle(trial.schedule, trial.objective)

    def settle(self, schedule: Schedule, objective: float) -> None:
        """Let a schedule join whose objective is known."""
        ranked = sorted({**self._members, schedule: objective}.items(), key=lambda member: member[1])
        self._members = dict(ranked[: self._size])

    def beats(self, trial: Trial, member: Schedule) -> bool:
        return trial.objective is not None and trial.objective < self._members[member]

    def best(self) -> tuple[Schedule, float] | None:
        """The best schedule and its objective, None where there is none."""
        return next(iter(self._members.items()), None)
