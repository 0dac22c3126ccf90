"""How many complete schedules go on from a prefix of a flat space."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from .garbage import uncollected
from .schedule import Decision, Schedule, Value

if TYPE_CHECKING:
    from .space import Knob

MOST = 100_000
"""Summaries among which completions are counted exactly: fractions of a second."""

Legal = Callable[["Knob", Mapping[str, Value]], Sequence[Value]]
Essence = Callable[[int, Mapping[str, Value]], Mapping[str, Value]]
Summary = tuple[Value, ...]

_Picker = Callable[[Summary], Summary]
"""Some of the values, in an order of its own."""


class Children(NamedTuple):
    """The next decisions, for each the number of complete schedules below it, and the number of all."""

    options: tuple[Decision, ...]
    counts: tuple[int, ...]
    total: int


class TooMany(Exception):
    """There are more summaries than are to be counted."""


class Summaries:
    """What makes a difference of the prefixes of a flat space: the values of those knobs that are *live*.

    A knob is live as long as a later one needs it. `essence` may make more of them alike (`KnobSpace.essence`).
    """

    def __init__(self, knobs: Sequence[Knob], legal: Legal, essence: Essence | None = None) -> None:
        self._legal, self._essence = legal, essence
        self._offers: dict[tuple[int, Summary], Sequence[Value]] = {}
        self._names, self._live = [knob.name for knob in knobs], _live(knobs)
        self._steps = [_step(knob, depth, self._names, self._live) for depth, knob in enumerate(knobs)]
        self.depth = len(knobs)

    def of(self, prefix: Schedule) -> Summary:
        depth = len(prefix)
        return self._essential(depth, tuple([prefix[i].value for i in self._live[depth]]))

    def after(self, depth: int, summary: Summary, value: Value) -> Summary:
        """The summary when the knob at `depth` has been given `value`."""
        return self._essential(depth + 1, self._steps[depth].kept((*summary, value)))

    def matters(self, depth: int) -> bool:
        """Whether it makes a difference to later knobs how the one at `depth` is decided."""
        return depth in self._live[depth + 1]

    def decision(self, depth: int, value: Value) -> Decision:
        return Decision(self._names[depth], value)

    def schedule(self, values: Iterable[Value]) -> Schedule:
        """The one that decides so, knob by knob."""
        return Schedule(map(Decision, self._names, values))

    def legal(self, depth: int, summary: Summary) -> Sequence[Value]:
        """What `legal` says of the values that the knob at `depth` needs, asked for once."""
        step = self._steps[depth]
        needed = step.needed(summary)
        offer = self._offers.get((depth, needed))
        if offer is None:
            offer = tuple(self._legal(step.knob, dict(zip(step.names, needed, strict=True))))
            self._offers[depth, needed] = offer
        return offer

    def _essential(self, depth: int, values: Summary) -> Summary:
        if self._essence is None:
            return values
        live = {self._names[i]: value for i, value in zip(self._live[depth], values, strict=True)}
        return tuple(self._essence(depth, live).values())


class Counting:
    """Counts exactly, by dynamic programming over summaries; raises TooMany where it meets more than `most`."""

    def __init__(self, summaries: Summaries, most: float = math.inf) -> None:
        self._summaries = summaries
        self._counts: dict[tuple[int, Summary], tuple[Sequence[int], int]] = {}
        """For each legal value the number of completions, and their sum."""
        self._children: dict[tuple[int, Summary], Children] = {}
        self._most = most

    def children(self, prefix: Schedule) -> Children:
        depth = len(prefix)
        if depth == self._summaries.depth:
            return COMPLETE
        key = depth, self._summaries.of(prefix)
        if (known := self._children.get(key)) is None:
            counts, total = self._counted(*key)
            counted = zip(self._summaries.legal(*key), counts, strict=True)
            alive = [(self._summaries.decision(depth, value), count) for value, count in counted if count]
            known = Children(tuple(option for option, _ in alive), tuple(count for _, count in alive), total)
            self._children[key] = known
        return known

    def ranked(self, rank: int) -> Schedule:
        """The schedule of this rank in the order of the tree."""
        return self._summaries.schedule(self.values(rank))

    def values(self, rank: int) -> Sequence[Value]:
        """What that schedule decides, knob by knob: many are looked at in search of one that all constraints allow."""
        summary = self._summaries.of(Schedule())
        values = []
        for depth in range(self._summaries.depth):
            index, rank = locate(rank, self._counted(depth, summary)[0])
            values.append(self._summaries.legal(depth, summary)[index])
            summary = self._summaries.after(depth, summary, values[-1])
        return values

    def _counted(self, depth: int, summary: Summary) -> tuple[Sequence[int], int]:
        """For each legal value the number of completions, and their sum."""
        key = depth, summary
        if key not in self._counts:
            with uncollected():  # there may be a hundred thousand summaries before the first schedule is drawn
                self._count(*key)
        return self._counts[key]

    def _count(self, depth: int, summary: Summary) -> None:
        """Count below one summary: meet all of them, depth after depth, then add up from the last depth back.

        In this order too many are met before the rules that need most, of which there are as many cases, are asked.
        """
        level: dict[Summary, Sequence[Summary]] = {summary: ()}
        levels, left = [], self._most - len(self._counts) - 1
        for here in range(depth, self._summaries.depth):
            below: dict[Summary, Sequence[Summary]] = {}
            for one in level:
                level[one] = followers = self._follow(here, one)
                below.update(dict.fromkeys(followers, ()))
                if len(below) > left:
                    raise TooMany
            left -= len(below)
            levels.append(level)
            level = below
        for here in reversed(range(depth, self._summaries.depth)):
            for one, followers in levels.pop().items():
                counts = [self._total(here + 1, follower) for follower in followers]
                self._counts[here, one] = counts, sum(counts)

    def _follow(self, depth: int, summary: Summary) -> Sequence[Summary]:
        """The summary after each legal value of the knob at `depth`."""
        values = self._summaries.legal(depth, summary)
        if values and not self._summaries.matters(depth):
            return [self._summaries.after(depth, summary, values[0])] * len(values)
        return [self._summaries.after(depth, summary, value) for value in values]

    def _total(self, depth: int, summary: Summary) -> int:
        return 1 if depth == self._summaries.depth else self._counts[depth, summary][1]


class Bounding:
    """Counts too much, where counting exactly would take too long: as if some constraints did not exist.

    Those are left out that depend on so many values that more than `most` summaries might be met. What is offered keeps
    to all constraints: whether there is a way on is found by looking for one.
    """

    def __init__(self, knobs: Sequence[Knob], legal: Legal, essence: Essence | None, most: int) -> None:
        self._summaries = Summaries(knobs, legal, essence)
        self._lead_on: dict[tuple[int, Summary], bool] = {}
        kept = {knob.name: knob for knob in affordable(knobs, most)}

        def bounding(knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
            return legal(knob, chosen) if knob.name in kept else knob.values

        self._place = {knob.name: depth for depth, knob in enumerate(knobs)}
        self._legal, self._left_out = legal, [knob for knob in knobs if knob.name not in kept]
        self._counting = Counting(Summaries([kept.get(k.name) or replace(k, needs=()) for k in knobs], bounding))
        self.children = functools.lru_cache(maxsize=4096)(self._find)  # whoever walks asks of a prefix several times

    def ranked(self, rank: int) -> Schedule | None:
        """The schedule of this rank in the order of the tree as it is bounded, None if a constraint forbids it."""
        values = self._counting.values(rank)
        return self._summaries.schedule(values) if all(self._allows(knob, values) for knob in self._left_out) else None

    def _allows(self, knob: Knob, values: Sequence[Value]) -> bool:
        return values[self._place[knob.name]] in self._legal(
            knob, {name: values[self._place[name]] for name in knob.needs}
        )

    def _find(self, prefix: Schedule) -> Children:
        depth = len(prefix)
        if depth == self._summaries.depth:
            return COMPLETE
        summary, bounds = self._summaries.of(prefix), self._counting.children(prefix)
        legal = {value for value in self._summaries.legal(depth, summary) if self._leads_on(depth, summary, value)}
        alive = [(o, count) for o, count in zip(bounds.options, bounds.counts, strict=True) if o.value in legal]
        total = bounds.total if alive else 0
        return Children(tuple(option for option, _ in alive), tuple(count for _, count in alive), total)

    def _leads_on(self, depth: int, summary: Summary, value: Value) -> bool:
        """Whether a complete schedule can be reached when the knob at `depth` has been given `value`.

        Looks depth first, by a path of its own: there may be more knobs than Python allows calls within calls.
        """
        goal = depth + 1, self._summaries.after(depth, summary, value)
        path = [(goal, self._next(goal))] if self._known(goal) is None else []
        while path:
            here, ways = path[-1]
            way = next((way for way in ways if self._known(way) is not False), None)
            if way is None:
                self._lead_on[here] = False
                path.pop()
            elif self._known(way):
                self._lead_on.update((passed, True) for passed, _ in path)
                break
            else:
                path.append((way, self._next(way)))
        return bool(self._known(goal))

    def _known(self, key: tuple[int, Summary]) -> bool | None:
        """Whether a depth and the summary there lead on, as far as that has been found out."""
        return True if key[0] == self._summaries.depth else self._lead_on.get(key)

    def _next(self, key: tuple[int, Summary]) -> Iterator[tuple[int, Summary]]:
        depth = key[0] + 1
        return ((depth, self._summaries.after(*key, value)) for value in self._summaries.legal(*key))


def counting(knobs: Sequence[Knob], legal: Legal, essence: Essence | None, most: int = MOST) -> Counting | Bounding:
    """Exact counts, if that does not take more than `most` summaries, else bounds."""
    try:
        exact = Counting(Summaries(knobs, legal, essence), most)
        exact.children(Schedule())
    except TooMany:
        return Bounding(knobs, legal, essence, most)
    return exact


def affordable(knobs: Sequence[Knob], most: int) -> Sequence[Knob]:
    """Those of `knobs` whose needs, taken together, tell no more than `most` prefixes of one length apart.

    Knobs that need little come first.
    """
    place = {knob.name: index for index, knob in enumerate(knobs)}
    sizes = [len(knob.values) for knob in knobs]
    ends = list(range(len(knobs)))  # of each knob, the depth up to which it is live
    widths = [1] * (len(knobs) + 1)  # at each depth, the prefixes that are told apart
    kept: list[Knob] = []
    for knob in sorted(knobs, key=lambda knob: math.prod(sizes[place[name]] for name in knob.needs)):
        depth, wider = place[knob.name], dict[int, int]()
        for index in (place[name] for name in knob.needs):
            for longer in range(ends[index] + 1, depth + 1):
                wider[longer] = wider.get(longer, widths[longer]) * sizes[index]
        if all(width <= most for width in wider.values()):
            kept.append(knob)
            for index in (place[name] for name in knob.needs):
                ends[index] = max(ends[index], depth)
            for longer, width in wider.items():
                widths[longer] = width
    return kept


def locate(rank: int, weights: Sequence[int]) -> tuple[int, int]:
    """The index of the weight in which `rank` falls when the weights are laid end to end, and its rank within."""
    for index, weight in enumerate(weights):
        if rank < weight:
            return index, rank
        rank -= weight
    raise ValueError("the rank lies beyond the sum of the weights")


COMPLETE = Children((), (), 1)


@dataclass(frozen=True, slots=True)
class _Step:
    """How one knob is decided: by what of a summary, and what goes on from there."""

    knob: Knob
    names: Sequence[str]
    needed: _Picker
    """Of a summary, the values of the knobs that this one needs, which are called `names`."""
    kept: _Picker
    """Of a summary with this knob's value put last, what later knobs need."""


def _live(knobs: Sequence[Knob]) -> Sequence[Sequence[int]]:
    """For each depth, the earlier knobs (by position) that this or a later knob needs."""
    last = {name: depth for depth, knob in enumerate(knobs) for name in knob.needs}
    live: list[list[int]] = [[]]
    for depth in range(1, len(knobs) + 1):
        live.append([i for i in (*live[-1], depth - 1) if last.get(knobs[i].name, -1) >= depth])
    return live


def _step(knob: Knob, depth: int, names: Sequence[str], live: Sequence[Sequence[int]]) -> _Step:
    here = [*live[depth], depth]
    needed = [place for place, i in enumerate(here[:-1]) if names[i] in knob.needs]
    kept = [here.index(i) for i in live[depth + 1]]
    return _Step(knob, [names[here[place]] for place in needed], _picker(needed), _picker(kept))


def _picker(places: Sequence[int]) -> _Picker:
    if len(places) > 1:
        return operator.itemgetter(*places)  # twice as fast as a loop of our own
    return lambda values: tuple([values[place] for place in places])
