"""Bayesian optimisation."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from ..core.schedule import Schedule
from ..core.trial import Trial
from ..protocols import Space, StudyContext
from .candidates import Candidates
from .draw import Draw
from .settings import limit
from .streams import Streams
from .surrogate import Surrogate
from .vary import Vary, hinted

DRAWN = 500
"""Uniform draws among the candidates, beside as many as there are trials."""


class Bayes:
    """Bayesian optimisation for discrete, conditional spaces with constraints and failures.

    After the space's own hints (if it has any, and `hints` says so) and `initial` uniform draws, a surrogate
    (`surrogate.py`) learns from all trials which schedules succeed and how good they are: a Gaussian process up to
    `small` trials, then a classifier of the promising region. It ranks candidates by what they promise: the neighbours
    of the best `parents` trials, and uniform draws, the more the longer the search goes on. They are proposed in that
    order; schedules one decision away from one that is pending have to wait, so that slots do not all look at one
    place. With probability `explore` a uniform draw comes instead.

    The surrogate learns anew whenever a trial is the best so far, and when the number of trials has grown by the factor
    1 + `patience`: the time it takes grows with the trials, that of one proposal hardly does.
    """

    _streams: Streams
    _draw: Draw
    _candidates: Candidates
    _learning: Streams
    """One for each ranking, by the number of trials that it is learnt from."""
    _surrogate: Surrogate
    _hints: Iterator[Schedule]
    _opening: int
    """Schedules before anything is learnt."""
    _trials: list[Trial]
    """The finished trials of this space, in the order in which they were told."""
    _best: float
    _due: int
    """The number of trials from which the next proposals come."""
    _ranked_at: int
    _ranking: list[Schedule]
    _pending: set[Schedule]

    def __init__(
        self,
        initial: int = 4,
        small: int = 60,
        trees: int = 60,
        parents: int = 8,
        leap: float = 0.5,
        promising: float = 0.1,
        explore: float = 0.05,
        patience: float = 0.02,
        hints: bool = True,
    ) -> None:
        limit("initial", initial, 1)
        limit("small", small, 0)
        limit("trees", trees, 2)
        limit("parents", parents, 1)
        limit("leap", leap, 0)
        limit("promising", promising, 0, 1)
        limit("explore", explore, 0, 1)
        limit("patience", patience, 0)
        self._initial = initial
        self._small = small
        self._trees = trees
        self._parents = parents
        self._leap = leap
        self._share = promising
        self._explore = explore
        self._patience = patience
        self._use_hints = hints

    def start(self, space: Space, context: StudyContext) -> None:
        self._computing = context.computing
        self._streams = Streams(context.rng)
        self._draw = Draw(space, self._streams.rng)
        self._candidates = Candidates(space, context.rng)
        self._learning = Streams(context.rng)
        self._surrogate = Surrogate(self._small, self._trees, self._leap, self._share, self._learning.rng)
        hints = hinted(space, Vary(space, self._streams.rng)) if self._use_hints else []
        self._hints = iter(hints)
        self._opening = len(set(hints)) + self._initial
        self._trials, self._best, self._due = [], math.inf, 0
        self._ranked_at, self._ranking, self._pending = 0, [], set()

    def ask(self, n: int) -> Sequence[Schedule]:
        return list(itertools.islice(iter(self._propose, None), n))

    def tell(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            self._draw.see(trial.schedule)
            self._pending.discard(trial.schedule)
            if trial.schedule in self._draw:
                self._trials.append(trial)
                objective = math.inf if trial.objective is None else trial.objective
                if objective < self._best or len(self._trials) >= (1 + self._patience) * self._due:
                    self._due = len(self._trials)
                self._best = min(self._best, objective)

    def _propose(self) -> Schedule | None:
        """A schedule never proposed or told before, None when there is none left."""
        self._streams.begin(len(self._draw))
        schedule = next(filter(self._draw.see, self._hints), None)
        if schedule is None and (schedule := self._promising()) is not None:
            self._draw.see(schedule)
        if schedule is None:
            schedule = self._draw.fresh()
        if schedule is not None:
            self._pending.add(schedule)
        return schedule

    def _promising(self) -> Schedule | None:
        """The best candidate that was never proposed; None for a uniform draw."""
        if len(self._draw) < self._opening or self._best == math.inf or self._streams.rng.random() < self._explore:
            return None
        if self._ranked_at != self._due:
            with self._computing():
                self._rank()
        waiting = None
        for schedule in self._ranking:
            if schedule not in self._draw:
                if not self._is_near_pending(schedule):
                    return schedule
                waiting = waiting or schedule
        return waiting

    def _is_near_pending(self, schedule: Schedule) -> bool:
        mine = set(schedule)
        return any(len(mine - set(other)) <= 1 for other in self._pending)

    def _rank(self) -> None:
        """Learn from the first `_due` trials, and rank candidates by what they promise."""
        known = self._trials[: self._due]
        tried = {trial.schedule for trial in known}
        candidates = [schedule for schedule in dict.fromkeys(self._around_best()) if schedule not in tried]
        self._ranking, self._ranked_at = [], self._due
        if candidates:
            ahead = self._candidates.rows(candidates)
            scale = self._candidates.scale(ahead)
            objectives = [np.nan if trial.objective is None else trial.objective for trial in known]
            self._learning.begin(self._due)  # a ranking lasts: a resumed search learns the same at another proposal
            improvement = self._surrogate.improvement(
                self._candidates.rows(trial.schedule for trial in known) / scale,
                np.array(objectives),
                ahead / scale,
            )
            self._ranking = [candidates[index] for index in np.argsort(-improvement, kind="stable")]

    def _around_best(self) -> Iterator[Schedule]:
        yield from self._candidates.drawn(DRAWN + self._due)
        valid = [(t.objective, number) for number, t in enumerate(self._trials[: self._due]) if t.objective is not None]
        for _, number in heapq.nsmallest(self._parents, valid):
            yield from self._candidates.around(self._trials[number].schedule, number)
