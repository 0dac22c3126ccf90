"""Uniform draws of complete schedules, and the memory of what was already proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..core.counting import locate
from ..core.errors import InvalidSchedule
from ..core.schedule import Decision, Schedule
from ..protocols import CountedSpace, DividedSpace, RankedSpace, RewritableSpace, Space
from .rewritten import is_rewritten

CANDIDATES = 16
"""Paths compared for one draw from a space that cannot count."""
MOST_REJECTED, MOST_RANKS = 200, 5000
"""Walks, and ranks, in a row that may be in vain where a space has counted too much, before a draw is made as if it did
not. A rank is found in a small part of a walk's time."""
ROOM = 1000
"""Schedules to each one seen from which on what was seen is hardly ever in the way."""


class Draw:
    """Draws complete schedules of a space at random, never one that was drawn or seen before.

    Where the space counts its schedules, each step down the tree is taken with probability proportional to the number
    of schedules left below it: exactly uniform, whatever the shape of the tree. Of the parts of a divided space each is
    drawn from as often as the others, as long as it has schedules left. Elsewhere a path is drawn by uniform
    steps; the product of its branching factors estimates the number of schedules it stands for (Knuth 1975), and one
    of `CANDIDATES` paths is kept with probability proportional to it (sampling-importance-resampling, Rubin 1987):
    nearly uniform. Subtrees with nothing left are never entered, and the end is known exactly.

    Counts may be too high. Then less is found below a decision than its count has promised, and a walk that would have
    led to what is missing is begun again: rejection keeps draws exactly uniform. Where very many walks in a row were in
    vain, paths are compared as in a space that does not count.

    Where a space has very many schedules and finds them by their ranks, a rank is drawn and no walk is made: what is
    not chosen need not be known to lead on.
    """

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self._space = space
        self._counted = space if isinstance(space, CountedSpace) else None
        self._divided = space if isinstance(space, DividedSpace) else None
        self._ranks = space if isinstance(space, RankedSpace) and self._divided is None else None
        self._rewritable = isinstance(space, RewritableSpace)
        self._rng = rng
        self._root = _Node()
        self._seen: set[Schedule] = set()

    def __contains__(self, schedule: Schedule) -> bool:
        return schedule in self._seen

    def __len__(self) -> int:
        """The number of legal schedules drawn or seen so far."""
        return len(self._seen)

    def fresh(self) -> Schedule | None:
        """A schedule never drawn or seen before, None when there is none left."""
        schedule = self.peek()
        if schedule is not None:
            self._take(schedule)
        return schedule

    def peek(self) -> Schedule | None:
        """What `fresh` would draw now, and remember."""
        if not any(self._left(Schedule(), self._root)):
            root = Schedule()  # a schedule of its own where there is nothing to decide
            return root if self.is_new(root) else None
        walk, most = (self._by_rank, MOST_RANKS) if self._has_room() else (self._uniform, MOST_REJECTED)
        walks = (walk() for _ in range(most if self._counted else 0))
        schedule = next((schedule for schedule in walks if schedule is not None), None)
        return self._resampled() if schedule is None else schedule

    def see(self, schedule: Schedule) -> bool:
        """Never draw `schedule` from now on; whether it is one of the tree's and was not seen before."""
        new = self.is_new(schedule)
        if new:
            self._take(schedule)
        return new

    def is_new(self, schedule: Schedule) -> bool:
        """Whether `schedule` is one of the tree's and was not seen before."""
        if schedule in self._seen or self.is_beyond(schedule):
            return False
        try:
            self._space.check(schedule)
        except InvalidSchedule:
            return False
        return True

    def is_beyond(self, schedule: Schedule) -> bool:
        """Whether the program of `schedule` is a rewritten one, to which no way down the tree leads."""
        return self._rewritable and is_rewritten(schedule)

    def _has_room(self) -> bool:
        return self._ranks is not None and self._ranks.count(Schedule()) >= ROOM * len(self._seen)

    def _by_rank(self) -> Schedule | None:
        """One of all schedules, each with the same probability; None where the rank is nobody's, or one's seen."""
        if self._ranks is None:
            return None
        schedule = self._ranks.ranked(below(self._rng, self._ranks.count(Schedule())))
        return schedule if schedule not in self._seen else None

    def _uniform(self) -> Schedule | None:
        """One of the schedules left: of a part of the space, and of those in it, each with the same probability.

        None where the walk was in vain.
        """
        prefix, node = Schedule(), self._root
        rank: int | None = None
        while options := self._space.options(prefix):
            left = self._left(prefix, node)
            if self._divided and self._divided.divides(prefix):
                index = pick(self._rng, [min(count, 1) for count in left])
            else:
                # Its rank among those left, in the order of the tree, is drawn once, and leads all the way down.
                total = sum(left)
                rank = below(self._rng, total) if rank is None else rank
                if rank >= total:
                    return None
                index, rank = locate(rank, left)
            prefix = prefix.then(options[index])
            node = node.children.get(options[index], _UNTOUCHED)
        return prefix

    def _resampled(self) -> Schedule:
        paths = [self._path() for _ in range(CANDIDATES)]
        return paths[pick(self._rng, [weight for _, weight in paths])][0]

    def _path(self) -> tuple[Schedule, int]:
        """A random path to an untaken leaf, and the product of its branching factors."""
        prefix, node, weight = Schedule(), self._root, 1
        while options := self._space.options(prefix):
            ways = [min(count, 1) for count in self._left(prefix, node)]
            index = pick(self._rng, ways)
            weight *= sum(ways)
            prefix = prefix.then(options[index])
            node = node.children.get(options[index], _UNTOUCHED)
        return prefix, weight

    def _take(self, schedule: Schedule) -> None:
        self._seen.add(schedule)
        nodes = [self._root]
        for decision in schedule:
            nodes.append(nodes[-1].children.setdefault(decision, _Node()))
        for node in nodes:
            node.taken += 1
        nodes[-1].exhausted = True
        for length in range(len(schedule) - 1, -1, -1):
            if any(self._left(schedule.prefix(length), nodes[length])):
                break
            nodes[length].exhausted = True

    def _left(self, prefix: Schedule, node: _Node) -> list[int]:
        """How much is left below each option: schedules where the space counts them, else 1 for any."""
        options = self._space.options(prefix)
        sizes = self._counted.counts(prefix) if self._counted else [1] * len(options)
        if not node.children:
            return list(sizes)
        nodes = [node.children.get(option, _UNTOUCHED) for option in options]
        gone = [child.taken if self._counted else 0 for child in nodes]
        return [0 if n.exhausted else size - taken for n, size, taken in zip(nodes, sizes, gone, strict=True)]


@dataclass(slots=True)
class _Node:
    """A prefix of something taken: how many schedules are, whether all are, and the decisions that went on from it."""

    taken: int = 0
    exhausted: bool = False
    children: dict[Decision, _Node] = field(default_factory=dict)


_UNTOUCHED = _Node()


def pick(rng: np.random.Generator, weights: Sequence[int]) -> int:
    """An index, drawn with probability exactly proportional to its weight, however large the weights."""
    return locate(below(rng, sum(weights)), weights)[0]


def below(rng: np.random.Generator, bound: int) -> int:
    """An integer drawn exactly uniformly from [0, bound), however large the bound."""
    if bound < 1:
        raise ValueError(f"nothing to draw from: [0, {bound})")
    size = (bound.bit_length() + 7) // 8
    excess = 8 * size - bound.bit_length()
    while (number := int.from_bytes(rng.bytes(size), "little") >> excess) >= bound:
        pass
    return number
