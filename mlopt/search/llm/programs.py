"""The programs that a model has written, on islands that evolve apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.schedule import Schedule
from ...core.trial import Trial
from ..population import Best

SIZE = 8
"""Programs on an island."""
MIGRATION = 6
"""Trials of an island after which the best of the one before it joins it."""
TOURNAMENT = 2
"""Members of an island, of which the better one is rewritten."""


class Programs:
    """Populations of the best, one for each island (as in AlphaEvolve, Novikov and others 2025, without its niches).

    A trial joins the island for which it was proposed, one that was proposed for none all of them, so that they begin
    with the same program.
    """

    def __init__(self, islands: int) -> None:
        self._islands = [Best(SIZE) for _ in range(islands)]
        self._all = Best(SIZE)
        self._trials = [0] * islands
        self._homes: dict[Schedule, int] = {}

    def settle(self, schedule: Schedule, turn: int) -> None:
        """`schedule` is proposed in a turn of the model's, and so for the island whose turn it is."""
        self._homes.setdefault(schedule, turn % len(self._islands))

    def add(self, trial: Trial) -> None:
        self._all.add(trial)
        home = self._homes.get(trial.schedule)
        if home is None:
            for island in self._islands:
                island.add(trial)
            return
        self._islands[home].add(trial)
        self._trials[home] += 1
        if self._trials[home] % MIGRATION == 0 and (settler := self._islands[home - 1].best()):
            self._islands[home].settle(*settler)

    def parent(self, turn: int, rng: np.random.Generator) -> Schedule | None:
        """What is rewritten in a turn; None where the island has no program that was right."""
        island = self._islands[turn % len(self._islands)]
        return island.select(rng, TOURNAMENT) if island.members else None

    def inspirations(self, turn: int, parent: Schedule, most: int) -> Sequence[Schedule]:
        """Others to learn from: the best of all, then the best of the other islands, then those of this one."""
        here = turn % len(self._islands)
        others = [
            member for island in self._islands[here + 1 :] + self._islands[:here] for member in island.members[:1]
        ]
        found = [*self._all.members[:1], *others, *self._islands[here].members]
        return [schedule for schedule in dict.fromkeys(found) if schedule != parent][:most]
