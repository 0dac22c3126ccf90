"""Populations that evolve apart."""

from __future__ import annotations

import numpy as np

from ..core.trial import Trial
from .niches import Niches
from .population import Best

FOUNDING = 4
"""Times the size of a population: so many trials join all islands, whose ways part only then."""


class Islands:
    """Several populations of the best, which trials join in turn (the island model; Whitley, Rana, Heckendorn 1999).

    They share their first members: a short budget has no use for two populations that learn the same. Then an island
    takes in the best of the one before it every `migration` of its trials. One that has found nothing better than its
    best for `patience` trials has grown alike, and is settled anew: by the best of all and by elites of random niches.
    """

    def __init__(self, number: int, size: int, migration: int, patience: int, niches: Niches) -> None:
        self._islands = [Best(size) for _ in range(number)]
        self._trials = [0] * number
        self._idle = [0] * number
        self._size = size
        self._migration = migration
        self._patience = patience
        self._niches = niches
        self._told = 0

    def turn(self, number: int) -> Best:
        """The island whose turn it is at `number`: whose members breed, and what they bred joins."""
        return self._islands[number % len(self._islands)]

    def join(self, trial: Trial, number: int, rng: np.random.Generator) -> None:
        """Let `trial` join the island whose turn is `number`, or all of them; `rng` is for what follows from it."""
        here = number % len(self._islands)
        founding = self._told < FOUNDING * self._size
        self._told += 1
        if trial.objective is not None:
            self._niches.add(trial.schedule, trial.objective)
        if founding:
            for island in self._islands:
                island.add(trial)
            return
        self._trials[here] += 1
        before = self._islands[here].best()
        self._islands[here].add(trial)
        self._idle[here] = self._idle[here] + 1 if self._islands[here].best() == before else 0
        if self._idle[here] >= self._patience:
            self._resettle(here, rng)
        elif self._trials[here] % self._migration == 0 and (settler := self._islands[here - 1].best()):
            self._islands[here].settle(*settler)

    def _resettle(self, here: int, rng: np.random.Generator) -> None:
        elites = self._niches.elites()
        if not elites:
            return
        self._islands[here], self._idle[here] = Best(self._size), 0
        chosen = rng.permutation(len(elites))[: self._size - 1].tolist()
        for settler in (min(elites, key=lambda elite: elite[1]), *(elites[index] for index in chosen)):
            self._islands[here].settle(*settler)
