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
from .known import Known
from .partner import account, fresh_from, objectives, spent
from .settings import limit
from .streams import Streams
from .vary import unhinted


class Hybrid:
    """Gives the budget to whichever of its `searches` pays off, and tells each of them what all have found.

    A bandit chooses who proposes next, by Thompson sampling (Chapelle and Li 2011): a proposal pays when it is among
    the best `quantile` of the trials so far. What is k proposals back counts `memory` to the power of k, since what
    pays off early may not do so later. A search is always taken to have made `doubt` more proposals that did not pay,
    so that one that pays leaves the others little; the first of them starts as if as many had.

    Each search thinks of the others' trials as if somebody else had told it of them. What two would propose at once is
    proposed once. `hints=False` keeps the space's hints from all of them.

    A search gets credit for what it proposed; what came from elsewhere (a warm start) is nobody's. Trials told before
    anything was asked for are those of an interrupted study: each is taken for the proposal of the search whose turn it
    was. That is so where one trial ran at a time, unless a search had nothing to propose, or for a warm start's trials.
    """

    _streams: Streams
    _draw: Draw
    _paid: dict[str, float]
    _unpaid: dict[str, float]
    _objectives: list[float]
    """Of all successful trials, ascending."""
    _proposers: dict[Schedule, str]
    """Who proposed what, by name."""
    _asked: bool

    def __init__(
        self,
        searches: Mapping[str, Search],
        quantile: float = 0.05,
        memory: float = 0.98,
        doubt: float = 10.0,
        hints: bool = True,
    ) -> None:
        if not searches:
            raise UserError("search.searches is empty; a portfolio is made of one search at least")
        limit("quantile", quantile, 0, 1)
        limit("memory", memory, 0, 1)
        limit("doubt", doubt, 0)
        self._searches = dict(searches)
        self._quantile = quantile
        self._memory = memory
        self._doubt = doubt
        self._use_hints = hints

    @property
    def spent(self) -> float:
        """By all searches."""
        return sum(map(spent, self._searches.values()))

    @property
    def objectives(self) -> Sequence[str]:
        """Those of the first search that has any."""
        return next(filter(None, map(objectives, self._searches.values())), ())

    def start(self, space: Space, context: StudyContext) -> None:
        own, *others = context.rng.spawn(len(self._searches))
        self._streams = Streams(own)
        self._draw = Draw(space, self._streams.rng)
        self._known = Known(self._draw)
        # The first search draws as it would alone, so that a short study is one of its own.
        for search, rng in zip(self._searches.values(), (context.rng, *others), strict=True):
            search.start(space if self._use_hints else unhinted(space), replace(context, rng=rng))
        first, *_ = self._searches
        self._paid = {name: self._doubt * (name == first) for name in self._searches}
        self._unpaid = dict.fromkeys(self._searches, 0.0)
        self._objectives, self._proposers, self._asked = [], {}, False

    def ask(self, n: int) -> Sequence[Schedule]:
        self._asked = True
        return list(itertools.islice(iter(self._propose, None), n))

    def tell(self, trials: Sequence[Trial]) -> None:
        for search in self._searches.values():
            search.tell(trials)
        for trial in trials:
            proposer = self._proposers.get(trial.schedule)
            if self._known.see(trial.schedule) and not self._asked:
                proposer = self._by_promise(len(self._known) - 1)[0]
            if trial.schedule in self._known:
                self._learn(proposer, trial)

    def account(self, schedule: Schedule) -> tuple[str, Mapping[str, float]]:
        """What its proposer says of it, or the name of that."""
        proposer = self._proposers.get(schedule, "")
        if not proposer:
            return "", {}
        origin, cost = account(self._searches[proposer], schedule)
        return origin or proposer, cost

    def _propose(self) -> Schedule | None:
        """A schedule never proposed or told before, None when there is none left."""
        for name in self._by_promise(len(self._known)):
            if (schedule := fresh_from(self._searches[name], self._known)) is not None:
                self._proposers[schedule] = name
                return schedule
        return self._draw.fresh()

    def _by_promise(self, number: int) -> Sequence[str]:
        """The searches in the order in which they may make proposal `number`."""
        self._streams.begin(number)
        beta = self._streams.rng.beta
        drawn = {name: beta(self._paid[name] + 1.0, self._unpaid[name] + 1.0 + self._doubt) for name in self._searches}
        return sorted(drawn, key=drawn.__getitem__, reverse=True)

    def _learn(self, proposer: str | None, trial: Trial) -> None:
        """Rank a trial among the others, and give its proposer credit if there is one."""
        pays = False
        if trial.objective is not None:
            bisect.insort(self._objectives, trial.objective)
            pays = trial.objective <= self._objectives[int(self._quantile * (len(self._objectives) - 1))]
        if proposer:
            for counts, here in ((self._paid, pays), (self._unpaid, not pays)):
                for name in counts:
                    counts[name] = self._memory * counts[name] + (here and name == proposer)
