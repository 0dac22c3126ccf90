"""Evolutionary search."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core.errors import UserError
from ..core.schedule import Schedule
from ..core.trial import Trial
from ..protocols import Space, StudyContext
from .draw import Draw
from .islands import Islands
from .niches import Niches
from .operators import Operators
from .pareto import Pareto
from .settings import limit
from .streams import Streams
from .vary import Vary, hinted

ATTEMPTS = 8
"""Children bred in search of one that is new, before a fresh draw takes its place."""


class Evolve:
    """Steady-state evolution: every finished trial may become a parent at once, so that no slot waits for a generation.

    The first schedules are the space's own hints (if it has any, and `hints` says so) and `draws` uniform ones. From
    then on the winner of a tournament of `tournament` random members of a population becomes a parent, another winner
    its mate, and an operator is chosen by what it achieved so far (`operators.py`). What is known already is bred anew.
    Trials told without being asked for are bred once more to find their operators; those of others have none.
    A population is the best `population` trials of all that joined it rather than the youngest: a budget of a few
    hundred trials is too short to find a good schedule twice, and none is ever proposed twice.

    There are `islands` populations, and a child joins that of its parents; `migration`, `patience` and `niches` say how
    they exchange members and how they are renewed by a MAP-Elites archive (`islands.py`, `niches.py`).

    With `objectives`, the names of what is to be minimised together (`seconds`, `compile_seconds`, a metric of the
    trials), one population is ranked by NSGA-II instead (`pareto.py`), and the study's result has the Pareto front.
    """

    _hints: Iterator[Schedule]
    _opening: int
    """Schedules before the first that is bred."""
    _pending: dict[Schedule, _Birth]
    """How what is pending was bred."""

    def __init__(
        self,
        population: int = 12,
        draws: int = 8,
        tournament: int = 6,
        islands: int = 2,
        migration: int = 40,
        patience: int = 60,
        niches: int = 32,
        hints: bool = True,
        objectives: Sequence[str] = (),
    ) -> None:
        limit("population", population, 1)
        limit("draws", draws, 1)
        limit("tournament", tournament, 1)
        limit("islands", islands, 1)
        limit("migration", migration, 1)
        limit("patience", patience, 1)
        limit("niches", niches, 1)
        if len(set(objectives)) != len(objectives):
            raise UserError(f"search.objectives={list(objectives)} names one twice")
        self.objectives = tuple(objectives)
        self._size = population
        self._draws = draws
        self._tournament = tournament
        self._islands = islands
        self._migration = migration
        self._patience = patience
        self._niches = niches
        self._use_hints = hints

    def start(self, space: Space, context: StudyContext) -> None:
        self._streams, self._chances = Streams(context.rng), Streams(context.rng)
        self._draw = Draw(space, self._streams.rng)
        self._vary = Vary(space, self._streams.rng)
        self._operators = Operators(self._vary, self._streams.rng)
        self._population: Islands | Pareto
        if self.objectives:
            self._population = Pareto(self._size, self.objectives)
        else:
            niches = Niches(space, self._chances.rng, self._niches)
            self._population = Islands(self._islands, self._size, self._migration, self._patience, niches)
        hints = hinted(space, self._vary) if self._use_hints else []
        self._hints = iter(hints)
        self._opening = len(set(hints)) + self._draws
        self._pending = {}
        self._told = 0

    def ask(self, n: int) -> Sequence[Schedule]:
        return list(itertools.islice(iter(self._propose, None), n))

    def tell(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            birth = self._pending.pop(trial.schedule, None) or self._retold(trial.schedule)
            self._draw.see(trial.schedule)
            if trial.schedule in self._draw:
                turn = birth.turn if birth else self._told
                if birth:
                    self._operators.judge(trial, birth.operator, self._population.turn(turn))
                self._chances.begin(self._told)
                self._population.join(trial, turn, self._chances.rng)
                self._told += 1

    def _retold(self, schedule: Schedule) -> _Birth | None:
        """How the next proposal is bred if that is `schedule`, as in the study that it is from; else None."""
        if schedule in self._draw:
            return None
        self._streams.begin(len(self._draw))
        child, birth = self._bred() or (None, None)
        return birth if child == schedule else None

    def _propose(self) -> Schedule | None:
        """A schedule never proposed or told before, None when there is none left."""
        self._streams.begin(len(self._draw))
        if (hint := next(filter(self._draw.see, self._hints), None)) is not None:
            return hint
        if bred := self._bred():
            child, self._pending[child] = bred
            self._draw.see(child)
            return child
        return self._draw.fresh()

    def _bred(self) -> tuple[Schedule, _Birth] | None:
        """A child that is not known yet and how it was bred, if there is one to be had."""
        turn = len(self._draw)
        population = self._population.turn(turn)
        if population.members and len(self._draw) >= self._opening:
            for _ in range(ATTEMPTS):
                parent, mate = (population.select(self._streams.rng, self._tournament) for _ in range(2))
                child, operator = self._operators.breed(parent, mate)
                if child not in self._draw:
                    return child, _Birth(operator, turn)
        return None


@dataclass(frozen=True, slots=True)
class _Birth:
    """The operator that bred a child, and whose turn it was: the island of its parents."""

    operator: str
    turn: int
