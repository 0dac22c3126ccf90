"""Evolutionary search."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from ..core.errors import UserError
from ..core.schedule import Schedule
from ..core.trial import Trial
from ..protocols import HintedSpace, Space, StudyContext
from .draw import Draw
from .streams import Streams
from .vary import Vary

ATTEMPTS = 8
"""Children bred in search of one that is new, before a fresh draw takes its place."""


class Evolve:
    """Steady-state evolution: every finished trial may become a parent at once, so that no slot waits for a generation.

    The first `population` schedules are the space's own hints (if it has any, and `hints` says so) and uniform draws.
    Then the winner of a tournament of `tournament` random members of the population becomes a parent. With probability
    `crossover` it is crossed with a second winner; what is not new by then is mutated. A mutation decides `mutations`
    knobs anew on average (at least one; the number is geometrically distributed), each by the next legal value with
    probability `local`, else by any other legal value. The population is the best `population` successful trials of all
    time rather than the youngest: a budget of a few hundred trials is too short to find a good schedule twice, and none
    is ever proposed twice.

    The defaults leave much of the budget to the neighbourhood of the best. They were chosen on two very different
    kinds of landscape (recorded GPU kernels and a model of a tiled matmul), where the optimum is broad around them.
    """

    _streams: Streams
    _rng: np.random.Generator
    _draw: Draw
    _vary: Vary
    _hints: list[Schedule]
    _population: dict[Schedule, float]
    """The best first, with their objectives."""

    def __init__(
        self,
        population: int = 16,
        tournament: int = 6,
        crossover: float = 0.3,
        mutations: float = 1.25,
        local: float = 0.4,
        hints: bool = True,
    ) -> None:
        for name, value, least, most in (
            ("population", population, 1, None),
            ("tournament", tournament, 1, None),
            ("crossover", crossover, 0, 1),
            ("mutations", mutations, 1, None),
            ("local", local, 0, 1),
        ):
            if not (least <= value and (most is None or value <= most)):
                limits = f"at least {least}" if most is None else f"between {least} and {most}"
                raise UserError(f"search.{name}={value} must be {limits}")
        self._size = population
        self._tournament = tournament
        self._crossover = crossover
        self._mutations = mutations
        self._local = local
        self._use_hints = hints

    def start(self, space: Space, context: StudyContext) -> None:
        self._streams = Streams(context.rng)
        self._rng = self._streams.rng
        self._draw = Draw(space, self._rng)
        self._vary = Vary(space, self._rng)
        self._population = {}
        hints = space.hints() if self._use_hints and isinstance(space, HintedSpace) else ()
        self._hints = list(map(self._vary.repair, hints))

    def ask(self, n: int) -> Sequence[Schedule]:
        return list(itertools.islice(iter(self._propose, None), n))

    def tell(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            self._draw.see(trial.schedule)
            if trial.objective is not None and trial.schedule in self._draw:
                self._population[trial.schedule] = trial.objective
        ranked = sorted(self._population.items(), key=lambda member: member[1])
        self._population = dict(ranked[: self._size])

    def _propose(self) -> Schedule | None:
        """A schedule never proposed or told before, None when there is none left."""
        self._streams.begin(len(self._draw))
        while self._hints:
            hinted = self._hints.pop(0)
            if self._draw.see(hinted):
                return hinted
        if self._population and len(self._draw) >= self._size:
            for _ in range(ATTEMPTS):
                child = self._breed()
                if self._draw.see(child):
                    return child
        return self._draw.fresh()

    def _breed(self) -> Schedule:
        child = self._select()
        if self._rng.random() < self._crossover:
            child = self._vary.cross(child, self._select())
        if child in self._draw:
            child = self._vary.mutate(child, int(self._rng.geometric(1 / self._mutations)), self._local)
        return child

    def _select(self) -> Schedule:
        """The best of `tournament` random members of the population."""
        winner = min(self._rng.integers(len(self._population), size=self._tournament).tolist())
        return next(itertools.islice(self._population, winner, None))
