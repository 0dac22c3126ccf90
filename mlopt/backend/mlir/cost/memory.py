"""Bytes that each loop nest moves between the caches: reuse by working sets.

What one iteration of a loop touches stays in a cache for the next one if it fits (the reuse distance of what the loop
does not move); then the loop brings in each line once. Otherwise every iteration brings in its own again. So the loops
are cut at one level for each cache, as in analytical models for tiling (M. Wolf, M. Lam, "A data locality optimizing
algorithm", PLDI 1991; T. Low et al., "Analytical modeling is enough for high-performance BLIS", 2016).
"""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .tree import Access, Loop, Tree

LINE, PAGE = 64, 4096

UNFORESEEN = 2
"""Lines at the beginning of a run that no prefetcher has asked for, since it cannot know of it yet."""


@dataclass(frozen=True, slots=True)
class Group:
    """Accesses to one buffer that move alike: `width` bytes that they cover together, in the widest gap-less piece.

    What is `streamed` goes to memory past the caches.
    """

    buffer: int
    steps: Mapping[int, float]
    width: float
    pieces: float
    store: bool
    streamed: bool


def groups(accesses: Sequence[Access]) -> list[Group]:
    """Accesses that differ by their start alone, taken together."""
    alike: dict[tuple[object, ...], list[Access]] = {}
    for access in accesses:
        alike.setdefault((access.buffer, access.streamed, *sorted(access.steps.items())), []).append(access)
    found = []
    for members in alike.values():
        starts = sorted({access.start for access in members})
        width, pieces, end = 0.0, 0, -math.inf
        widest = max(access.width for access in members)
        for start in starts:
            if start > end + LINE:
                pieces += 1
                width += widest
            else:
                width += max(0.0, start + widest - end)
            end = max(end, start + widest)
        store = any(access.store for access in members)
        first = members[0]
        found.append(Group(first.buffer, first.steps, width / max(1, pieces), pieces, store, first.streamed))
    return found


def past_caches(groups: Sequence[Group]) -> float:
    """Bytes that one iteration streams to memory."""
    return sum(group.width * group.pieces for group in groups if group.streamed)


def grouped(loop: Loop) -> dict[int, list[Group]]:
    """The groups in a loop and in all loops in it, by the loop's number."""
    found = {loop.number: groups(loop.accesses)}
    for inner in loop.loops:
        found |= grouped(inner)
    return found


def footprints(
    group: Group, loops: Sequence[int], trips: Mapping[int, float], unit: int
) -> list[tuple[float, float, float]]:
    """The footprints in all iterations of the loops from each of these on, and after the last, of one of its."""
    moves: list[tuple[float, float]] = []
    found = [footprint(group, moves, unit)]
    for loop in reversed(loops):
        if loop in group.steps and trips[loop] > 1:
            bisect.insort(moves, (abs(group.steps[loop]), trips[loop]))
            found.append(footprint(group, moves, unit))
        else:
            found.append(found[-1])
    return found[::-1]


def footprint(group: Group, moves: Sequence[tuple[float, float]], unit: int) -> tuple[float, float, float]:
    """Bytes, in whole lines or pages of `unit`, that a group touches in loops that move it: step and iterations of
    each, in order.

    Also the largest step in bytes between pieces, 0 where there is one, and the lines of a piece.
    """
    extent, count, far = group.width, group.pieces, 0.0
    for step, number in moves:
        if (count == group.pieces and step <= max(extent, unit)) or (step < extent and far and step < far):
            extent += step * (number - 1)
        else:
            count *= number
            far = step
    lines = max(1.0, extent / unit if extent % unit == 0 else extent / unit + 0.5)
    return count * lines * unit, far, lines * group.pieces


def run(group: Group, loops: Sequence[int], trips: Mapping[int, float]) -> float:
    """Bytes over which a group moves evenly, until the first of `loops`, from the last on, that jumps to other pages.

    Prefetchers keep to a page, and know even steps in it.
    """
    extent = group.width
    for loop in reversed(loops):
        step = abs(group.steps.get(loop, 0.0))
        if step > max(extent + LINE, PAGE - 1):
            break
        extent += step * max(0.0, trips[loop] - 1)
    return extent


class Visit:
    """A group where it stands: `loops` around it from the function (0) down, `touched` the bytes in all iterations of
    the loops from each of these on, and after the last, of one iteration of it; `held` no more than its buffer has.

    `unforeseen` is the share of its lines that are not prefetched."""

    __slots__ = ("group", "held", "loops", "steps", "touched", "unforeseen")

    def __init__(self, group: Group, loops: tuple[int, ...], tree: Tree, unit: int) -> None:
        self.group, self.loops, trips = group, loops, tree.trips
        limit = max(tree.sizes.get(group.buffer, math.inf), unit)
        found = footprints(group, loops, trips, unit)
        self.touched = [size for size, _, _ in found]
        self.held = [min(size, limit) for size in self.touched]
        self.steps = [(far, lines) for _, far, lines in found]
        # Pages are looked up, and not prefetched.
        self.unforeseen = min(1.0, UNFORESEEN * LINE / run(group, loops, trips)) if unit == LINE else 0.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes that go into a cache, and from it."""

    bytes: float = 0.0
    unforeseen: float = 0.0
    """Those that go into it and are waited for, since no prefetcher has asked for them."""


class Visits:
    """Every group of accesses of a program, in lines or pages of `unit` bytes."""

    def __init__(self, tree: Tree, grouped: Mapping[int, Sequence[Group]], unit: int) -> None:
        """`grouped` are the groups in each loop, by its number."""
        self.tree = tree
        self.grouped = grouped
        self.unit = unit
        self.within: dict[int, list[Visit]] = {}
        """By loop: all that stand in it or in the loops in it."""
        self.own: dict[int, list[Visit]] = {}
        self._gather(tree.root, ())
        self.working: dict[int, float] = {}
        """Bytes that an iteration of each loop touches."""
        self.once: dict[tuple[int, int], float] = {}
        """By loop and buffer: the share of all groups' bytes that the largest of them has."""
        self._join()

    def _gather(self, loop: Loop, outer: tuple[int, ...]) -> list[Visit]:
        path = (*outer, loop.number)
        own = [Visit(group, path, self.tree, self.unit) for group in self.grouped[loop.number]]
        self.own[loop.number] = own
        self.within[loop.number] = own + [visit for inner in loop.loops for visit in self._gather(inner, path)]
        return self.within[loop.number]

    def _join(self) -> None:
        """What the groups of a buffer touch, they touch together."""
        for loop, visits in self.within.items():
            sizes: defaultdict[int, list[float]] = defaultdict(list)
            wholes: defaultdict[int, list[float]] = defaultdict(list)
            for visit in visits:
                depth = visit.loops.index(loop)
                sizes[visit.group.buffer].append(visit.held[depth + 1])
                wholes[visit.group.buffer].append(visit.held[depth])
            self.working[loop] = sum(max(each) for each in sizes.values())
            for buffer, each in wholes.items():
                self.once[loop, buffer] = max(each) / sum(each)

    def traffic(self, capacity: float, sets: int = 0) -> dict[int, Traffic]:
        """What each loop's own accesses bring into a cache, over the whole program, both ways, by loop.

        `sets` of lines for a cache whose addresses choose them, 0 where any line can lie anywhere.
        """
        stays = {loop: _share(size, capacity) for loop, size in self.working.items()}
        found = {}
        for loop, visits in self.own.items():
            brought = [self._brought(each, self._crowded(each, capacity, sets) if sets else stays) for each in visits]
            found[loop] = Traffic(
                sum(size * self._ways(visit) for size, visit in zip(brought, visits, strict=True)),
                sum(size * visit.unforeseen for size, visit in zip(brought, visits, strict=True)),
            )
        return found

    def _ways(self, visit: Visit) -> float:
        """What is written goes back; a page is looked up once."""
        return 2.0 if visit.group.store and self.unit == LINE else 1.0

    def _crowded(self, visit: Visit, capacity: float, sets: int) -> dict[int, float]:
        """For each loop around a group, the share of what an iteration touches that stays until the next."""
        stays = {}
        for depth, loop in enumerate(visit.loops):
            size = visit.touched[depth + 1]
            crowded = size * (_crowding(size, *visit.steps[depth + 1], sets) - 1.0)
            stays[loop] = _share(self.working[loop] + crowded, capacity)
        return stays

    def _brought(self, visit: Visit, stays: Mapping[int, float]) -> float:
        """Bytes that one group brings in, from the innermost loop outwards."""
        trips = self.tree.trips
        brought = visit.touched[-1]
        for depth in range(len(visit.loops) - 1, -1, -1):
            loop = visit.loops[depth]
            kept = 0.0 if loop == 0 else visit.held[depth] * self.once[loop, visit.group.buffer]
            each = trips[loop] * brought
            brought = stays[loop] * min(kept, each) + (1.0 - stays[loop]) * each
        return brought


def _crowding(size: float, step: float, lines: float, sets: int) -> float:
    """How much more of a cache a footprint takes whose steps meet a part of its sets alone."""
    if step < LINE or step % LINE:
        return 1.0
    met = min(sets, sets // math.gcd(int(step // LINE), sets) * math.ceil(lines))
    return min(sets, size / LINE) / met if size / LINE > met else 1.0


def _share(size: float, capacity: float) -> float:
    """The share of a working set that stays: all of it up to somewhat less than the cache, none at well above."""
    return max(0.0, min(1.0, 1.6 - size / capacity))
