"""A portfolio of searches."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..core.errors import UserError
from ..core.schedule import Schedule
from ..core.trial import Trial
from ..protocols import Search, Space, StudyContext
from .draw import Draw
from .streams import Streams


class Hybrid:
    """Gives the budget to whichever of its `searches` pays off, and tells each of them what all have found.

    A bandit chooses who proposes next, by Thompson sampling (Chapelle and Li 2011): a proposal pays when it is among
    the best `quantile` of the trials so far. What is k proposals back counts `memory` to the power of k, since what
    pays off early may not do so later. A search is always taken to have made `doubt` more proposals that did not pay,
    so that one that pays leaves the others little; the first of them starts as if as many had.

    Each search thinks of the others' trials as if somebody else had told it of them. What two would propose at once is
    proposed once.
    """

    _streams: Streams
    _draw: Draw
    _paid: dict[str, float]
    _unpaid: dict[str, float]
    _objectives: list[float]
    """Of all successful trials, ascending."""
    _proposers: dict[Schedule, str]
    """Who proposed what is pending."""

    def __init__(
        self, searches: Mapping[str, Search], quantile: float = 0.05, memory: float = 0.98, doubt: float = 10.0
    ) -> None:
        if not searches:
            raise UserError("search.searches is empty; a portfolio is made of one search at least")
        for name, value, most in (("quantile", quantile, 1.0), ("memory", memory, 1.0), ("doubt", doubt, None)):
            if not (value >= 0 and (most is None or value <= most)):
                raise UserError(f"search.{name}={value} must be {'at least 0' if most is None else 'between 0 and 1'}")
        self._searches = dict(searches)
        self._quantile = quantile
        self._memory = memory
        self._doubt = doubt

    def start(self, space: Space, context: StudyContext) -> None:
        own, *others = context.rng.spawn(len(self._searches))
        self._streams = Streams(own)
        self._draw = Draw(space, self._streams.rng)
        # The first search draws as it would alone, so that a short study is one of its own.
        for search, rng in zip(self._searches.values(), (context.rng, *others), strict=True):
            search.start(space, replace(context, rng=rng))
        first, *_ = self._searches
        self._paid = {name: self._doubt * (name == first) for name in self._searches}
        self._unpaid = dict.fromkeys(self._searches, 0.0)
        self._objectives, self._proposers = [], {}

    def ask(self, n: int) -> Sequence[Schedule]:
        return list(itertools.islice(iter(self._propose, None), n))

    def tell(self, trials: Sequence[Trial]) -> None:
        for search in self._searches.values():
            search.tell(trials)
        for trial in trials:
            # A study that goes on finds out who proposed its trials, by choosing once more as it did then.
            proposer = self._proposers.pop(trial.schedule, None) or self._by_promise(len(self._draw))[0]
            self._draw.see(trial.schedule)
            if trial.schedule in self._draw:
                self._credit(proposer, trial)

    def _propose(self) -> Schedule | None:
        """A schedule never proposed or told before, None when there is none left."""
        for name in self._by_promise(len(self._draw)):
            # Searches do not know what others have pending, and may propose it as well.
            for _ in range(len(self._proposers) + 1):
                for schedule in self._searches[name].ask(1):
                    if self._draw.see(schedule):
                        self._proposers[schedule] = name
                        return schedule
        return self._draw.fresh()

    def _by_promise(self, number: int) -> Sequence[str]:
        """The searches in the order in which they may make proposal `number`."""
        self._streams.begin(number)
        beta = self._streams.rng.beta
        drawn = {name: beta(self._paid[name] + 1.0, self._unpaid[name] + 1.0 + self._doubt) for name in self._searches}
        return sorted(drawn, key=drawn.__getitem__, reverse=True)

    def _credit(self, proposer: str, trial: Trial) -> None:
        pays = False
        if trial.objective is not None:
            bisect.insort(self._objectives, trial.objective)
            pays = trial.objective <= self._objectives[int(self._quantile * (len(self._objectives) - 1))]
        for counts, here in ((self._paid, pays), (self._unpaid, not pays)):
            for name in counts:
                counts[name] = self._memory * counts[name] + (here and name == proposer)
