"""Simulated annealing, and local search with restarts."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ..core.schedule import Schedule
from ..core.trial import Trial
from ..protocols import Space, StudyContext
from .draw import Draw
from .settings import limit
from .streams import Streams
from .vary import Vary, hinted

ATTEMPTS = 16
"""Neighbours drawn in search of one that is new, before the step becomes one decision longer."""
LATELY = 64
"""Differences that the temperature is judged by."""


class Anneal:
    """Simulated annealing with restarts (Kirkpatrick, Gelatt, Vecchi 1983); `heat=0` is local search with restarts.

    The first schedules are the space's own hints (if it has any, and `hints` says so) and `draws` uniform ones; the
    walk begins at the best of them. A step makes one decision anew: with probability `local` it goes to a neighbouring
    value, where the knob's values have an order, else to any other. A better schedule is walked to, a worse one with
    probability exp(-difference / temperature). The temperature is `heat` times the median difference of late, times
    `cooling` for each step taken, so it needs no unit. After `patience` steps without a new best of the walk another
    one begins: with probability `again` near the best schedule of all, `kick` decisions of which are made anew
    (iterated local search; Lourenço, Martin, Stützle 2003), else at a uniform draw. What is told meanwhile of the walk
    that has ended changes nothing: the next one begins at the first of these proposals that succeeds.

    No schedule is proposed twice: where the neighbours are known, steps become longer.
    """

    _best: _Place | None
    _walk: _Walk | None

    def __init__(
        self,
        draws: int = 8,
        local: float = 0.3,
        heat: float = 0.1,
        cooling: float = 0.95,
        patience: int = 30,
        again: float = 0.8,
        kick: int = 3,
        hints: bool = True,
    ) -> None:
        limit("draws", draws, 1)
        limit("local", local, 0, 1)
        limit("heat", heat, 0)
        limit("cooling", cooling, 0, 1)
        limit("patience", patience, 1)
        limit("again", again, 0, 1)
        limit("kick", kick, 1)
        self._draws = draws
        self._local = local
        self._heat = heat
        self._cooling = cooling
        self._patience = patience
        self._again = again
        self._kick = kick
        self._use_hints = hints

    def start(self, space: Space, context: StudyContext) -> None:
        self._streams, self._chances = Streams(context.rng), Streams(context.rng)
        self._draw = Draw(space, self._streams.rng)
        self._vary = Vary(space, self._streams.rng)
        hints = hinted(space, self._vary) if self._use_hints else []
        self._hints = iter(hints)
        self._opening = len(set(hints)) + self._draws
        self._told = 0
        self._differences: deque[float] = deque(maxlen=LATELY)
        self._best = self._walk = None
        self._beginnings: set[Schedule] = set()
        """Proposed for a walk to begin with, while there is none."""

    def ask(self, n: int) -> Sequence[Schedule]:
        return list(itertools.islice(iter(self._propose, None), n))

    def tell(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            self._retell(trial.schedule)
            self._draw.see(trial.schedule)
            if trial.schedule in self._draw:
                self._told += 1
                self._learn(trial.schedule, trial.objective)

    def _propose(self) -> Schedule | None:
        """A schedule never proposed or told before, None when there is none left."""
        if (hint := next(filter(self._draw.see, self._hints), None)) is not None:
            return hint
        schedule = self._next()
        if schedule is not None:
            self._draw.see(schedule)
            if self._walk is None:
                self._beginnings.add(schedule)
        return schedule

    def _next(self) -> Schedule | None:
        """What is proposed next, once there are no hints left."""
        self._streams.begin(len(self._draw))
        if self._best is None or len(self._draw) < self._opening:
            return self._draw.peek()
        if self._walk is not None:
            return self._near(self._walk.place.schedule, 1)
        if self._streams.rng.random() < self._again:
            return self._near(self._best.schedule, self._kick)
        return self._draw.peek()

    def _near(self, schedule: Schedule, changes: int) -> Schedule | None:
        """Something new with `changes` decisions of `schedule` made anew, or with more where all that is known."""
        for length in range(min(changes, len(schedule)), len(schedule) + 1):
            for _ in range(ATTEMPTS):
                step = self._vary.mutate(schedule, length, self._local)
                if step not in self._draw:
                    return step
        return self._draw.peek()

    def _retell(self, schedule: Schedule) -> None:
        """Take `schedule` for a beginning if it is what comes next, as in a study that is gone on with."""
        begins = self._walk is None and self._told >= self._opening
        if begins and schedule not in self._draw and schedule == self._next():
            self._beginnings.add(schedule)

    def _learn(self, schedule: Schedule, objective: float | None) -> None:
        """Take the step, or not. All chance in here depends on the number of trials told, so that it can be retold."""
        place = None if objective is None else _Place(schedule, objective)
        if place and (self._best is None or place.objective < self._best.objective):
            self._best = place
        if self._told < self._opening:
            return
        if self._walk is None:
            if self._told == self._opening:
                place = self._best
            elif schedule not in self._beginnings:
                place = None
            if place:
                self._walk = _Walk(place, place.objective)
                self._beginnings.clear()
            return
        walk = self._walk
        walk.steps += 1
        walk.idle += 1
        if place and self._accepts(walk, place.objective):
            walk.place = place
            if place.objective < walk.best:
                walk.best, walk.idle = place.objective, 0
        if walk.idle >= self._patience:
            self._walk = None

    def _accepts(self, walk: _Walk, objective: float) -> bool:
        """The rule of Metropolis et al. (1953)."""
        difference = objective - walk.place.objective
        if difference:
            self._differences.append(abs(difference))
        if difference <= 0:
            return True
        temperature = self._heat * median(self._differences) * self._cooling**walk.steps
        self._chances.begin(self._told)
        return self._chances.rng.random() < math.exp(-difference / temperature) if temperature else False


@dataclass(frozen=True, slots=True)
class _Place:
    """A schedule, and what was measured of it."""

    schedule: Schedule
    objective: float


@dataclass(slots=True)
class _Walk:
    """Where a walk stands, the best objective that it has met, its steps, and those since that best."""

    place: _Place
    best: float
    steps: int = 0
    idle: int = 0
