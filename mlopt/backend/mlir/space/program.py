"""The space of ways to compute a whole program: where each nest stands, and how it is computed there."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ....core.nests import Subject
from ....core.schedule import Schedule, Value
from ....core.space import Knob, KnobSpace
from ..payload.nest import LoopNest
from ..simd import Simd
from .product import ProductKnobs
from .stores import CACHED, STORES, STREAMED, streamable
from .subject import subject
from .transposes import TRANSPOSES, turns, ways
from .vector import VectorKnobs

FUSED = "fused"
"""The placement of a nest that is computed within the blocks of its consumers."""

MOST_BLOCKS = (1024, 64)
"""Blocks along a nest's first loop, and along each other one: more cost more than they gain."""

STACK = "stack"
"""The knob of a program whose nests hand each other tensors: where these live."""
STACK_SIZES = (4 << 10, 16 << 10, 64 << 10)
USUAL_STACK = 16 << 10

MOST_SIZES = 10
"""Sizes offered for one loop of a block."""

FEW_SIZES = 4
"""Divisors of a loop, fewer of which are no choice: blocks may then leave a rest."""
LEAST_SHARE = 16
"""A rest, which is computed after the blocks, is at most one part in so many of the loop."""

Inner = ProductKnobs | VectorKnobs


@dataclass(frozen=True)
class Placement:
    """The knobs that say where a nest stands: `parallel`, and the block's size along each parallel loop."""

    nest: LoopNest
    prefix: str
    fusible: bool
    lanes: int
    """The loop of vectors is cut into multiples of it, where there are such."""
    vector_loop: int | None
    divisible: bool
    """Whether it can be computed in parts, beside the whole blocks what is left over."""

    @functools.cached_property
    def loops(self) -> Mapping[str, int]:
        """Letter to loop, for those with more than one iteration."""
        return {self.nest.letters[loop]: loop for loop in self.nest.parallel if self.nest.sizes[loop] > 1}

    @functools.cached_property
    def parallel(self) -> str:
        return f"{self.prefix}parallel"

    def block(self, letter: str) -> str:
        return f"{self.prefix}block_{letter}"

    def sizes(self, letter: str) -> tuple[int, ...]:
        """What a block may hold of a loop, all of it included; of the first one, so that a small rest is left over."""
        loop, first = self.loops[letter], letter == next(iter(self.loops))
        size, most = self.nest.sizes[loop], MOST_BLOCKS[not first]
        least = -(-size // most)
        if self.vector_loop is None and loop == self.nest.scalar_loop:
            least = max(least, 2)  # so that LLVM can make vectors; and MLIR fails at a single element that is gathered
        multiple = self.lanes if loop == self.vector_loop else 1
        found = _divisors(size, least, multiple) or _divisors(size, max(least, multiple), 1)
        if first and self.divisible and len(found) < FEW_SIZES:
            found = _spread(sorted({*found, *_shares(size, max(least, multiple), multiple)}))
        return (*found, size)

    def choices(self) -> tuple[str, ...]:
        """Which loops may be cut into blocks: the outer ones together, or the last of two alone."""
        letters = "".join(letter for letter in self.loops if len(self.sizes(letter)) > 1)
        together = [letters[: count + 1] for count in range(len(letters))]
        alone = letters[1:] if len(letters) == 2 else ""
        return (*((FUSED,) if self.fusible else ()), *together, *alone, *(() if letters else ("",)))

    def knobs(self, earlier: Sequence[Knob]) -> list[Knob]:
        places = tuple(knob.name for knob in earlier if knob.name.endswith("parallel"))
        return [
            Knob(
                self.parallel,
                "categorical",
                self.choices(),
                "loops cut into blocks; fused: within the blocks of its reader",
                needs=places,
            ),
            *(
                Knob(
                    self.block(letter), "log2", self.sizes(letter), f"elements of {letter} in a block", (self.parallel,)
                )
                for letter in self.loops
            ),
        ]


class ProgramSpace(KnobSpace):
    """Blocks and fusion of every nest, from the last one back to the first, then how each is computed in its block.

    Blocks divide their loops evenly, or leave a rest that is computed by itself, so that everything within them has a
    static shape. A nest may be fused only into
    blocks that do not make it compute anything twice. What the program itself puts into loops stays there.
    """

    def __init__(self, nests: Sequence[LoopNest], simd: Simd, threads: int) -> None:
        self.simd, self.threads = simd, threads
        self._distinct = functools.cache(self._find_distinct)
        self._shrinking = functools.cache(self._find_shrinking)
        self._frontier = functools.cache(self._find_frontier)
        self.nests = {nest.tag: nest for nest in nests}
        computing = [nest for nest in reversed(nests) if not nest.is_fill]
        single = len(computing) == 1
        self.knobs: tuple[Knob, ...] = ()
        self.placements: dict[str, Placement] = {}
        """Of all nests but fills and those enclosed in the program's own loops."""
        self.inner: dict[str, Inner] = {}
        self._owners: dict[str, Placement | Inner] = {}
        self._position: dict[str, int] = {}
        for nest in computing:
            prefix = "" if single else f"{nest.tag}."
            inner = ProductKnobs.of(nest, prefix, simd) or VectorKnobs(nest, prefix, simd)
            self.inner[nest.tag] = inner
            if not nest.enclosed:
                in_parts = isinstance(inner, VectorKnobs)  # parts of a product would not clear their own sums
                placement = Placement(nest, prefix, bool(nest.consumers), simd.lanes, inner.vector_loop, in_parts)
                self.placements[nest.tag] = placement
                self._add(placement, placement.knobs(self.knobs))
            self._add(inner, inner.knobs)
        self.streamed = next((nest for nest in computing if self._streamable(nest)), None)
        """The nest whose result may be stored past the caches."""
        if self.streamed:
            self.knobs += (Knob(STORES, "categorical", (CACHED, STREAMED), "whether the result passes the caches by"),)
        if len(ways(simd)) > 1 and turns(self.inner.values()):
            self.knobs += (Knob(TRANSPOSES, "categorical", ways(simd), "how vectors are turned round"),)
        if not single:
            self.knobs += (Knob(STACK, "ordinal", STACK_SIZES, "bytes of the largest temporary on the stack"),)

    def _add(self, owner: Placement | Inner, knobs: Sequence[Knob]) -> None:
        self.knobs += tuple(knobs)
        for knob in knobs:
            self._owners[knob.name], self._position[knob.name] = owner, len(self._position)

    def _streamable(self, nest: LoopNest) -> bool:
        placement, inner = self.placements.get(nest.tag), self.inner[nest.tag]
        if placement is None or not isinstance(inner, VectorKnobs) or inner.vector_loop is None:
            return False
        letter = nest.letters[inner.vector_loop]
        blocks = placement.sizes(letter) if letter in placement.loops else ()
        return streamable(nest, inner.vector_loop, blocks, self.simd)

    def hints(self) -> Sequence[Mapping[str, Value]]:
        """Schedules that should do well, the most promising first."""
        from .hints import hints  # which in turn walks this space

        return list({tuple(hint.items()): hint for hint in hints(self)}.values())

    def subject(self, prefix: Schedule) -> Subject | None:
        """What the decision after `prefix` is about; None where it is about the whole program."""
        knob = self.knobs[len(prefix)].name
        owner = self._owners.get(knob)
        if owner is None:
            return None
        nest = owner.product.nest if isinstance(owner, ProductKnobs) else owner.nest
        roles = owner.product.roles if isinstance(owner, ProductKnobs) else {}
        loops = {letter: loop for loop, letter in nest.letters.items()} | roles
        return subject(nest, loops.get(knob.rpartition("_")[2]), self.nests)

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        owner = self._owners.get(knob.name)
        if owner is None:
            return knob.values
        if not isinstance(owner, Placement):
            return owner.legal(knob, chosen)
        if knob.name == owner.parallel:
            fits = owner.fusible and self.root(owner.nest.tag, chosen) is not None
            return [choice for choice in knob.values if choice != FUSED or fits]
        size = owner.nest.sizes[owner.loops[knob.name[-1]]]
        cut = str(chosen[owner.parallel])
        if cut == FUSED or knob.name[-1] not in cut:
            return [size]
        return [value for value in knob.values if int(value) < size]

    def essence(self, depth: int, chosen: Mapping[str, Value]) -> Mapping[str, Value]:
        """Placements that no nest still to be placed can depend on are forgotten; there would be millions of them."""
        placed, awaited = self._frontier(depth)
        kept = set(list(placed.values())[-1:])  # its blocks are decided next
        kept.update(*(self._above(reader, chosen) for reader in awaited))
        forgotten = {name for name, tag in placed.items() if tag not in kept}
        return {name: "" if name in forgotten else value for name, value in chosen.items()}

    def _find_frontier(self, depth: int) -> tuple[Mapping[str, str], frozenset[str]]:
        """The nests that are placed after so many decisions, by their knobs, and those of them that others may join."""
        placed = {each.parallel: tag for tag, each in self.placements.items() if self._position[each.parallel] < depth}
        left = [self.nests[tag] for tag, each in self.placements.items() if each.parallel not in placed]
        awaited = {reader for nest in left for reader in nest.consumers if reader in placed.values()}
        return placed, frozenset(awaited)

    def _above(self, tag: str, chosen: Mapping[str, Value]) -> set[str]:
        """A nest and those whose blocks it is fused into."""
        found: set[str] = set()
        left = [tag]
        while left:
            each = left.pop()
            if each not in found:
                found.add(each)
                left += self.nests[each].consumers if chosen[self.placements[each].parallel] == FUSED else ()
        return found

    def root(self, tag: str, chosen: Mapping[str, Value]) -> str | None:
        """The nest whose blocks can take this one in; None where consumers disagree or work would be done twice."""
        roots = {self._placed(consumer, chosen) for consumer in self.nests[tag].consumers}
        if len(roots) != 1:
            return None
        (root,) = roots
        cut = str(chosen[self.placements[root].parallel])
        loops = {self.placements[root].loops[letter] for letter in cut}
        return root if loops <= self._distinct(tag, root) else None

    def stands_in(self, tag: str, root: str, values: Mapping[str, Value]) -> bool:
        """Whether a nest is computed within the blocks of `root`; a fill is where the nest is that it clears for."""
        if self.nests[tag].enclosed:
            return False
        if self.nests[tag].is_fill:
            return any(reader == root or self.stands_in(reader, root, values) for reader in self.nests[tag].consumers)
        return tag != root and self._placed(tag, values) == root

    def root_of(self, tag: str, chosen: Mapping[str, Value]) -> str | None:
        """The nest in whose blocks this one is computed; None for one in the program's own loops."""
        return None if self.nests[tag].enclosed else self._placed(tag, chosen)

    def _placed(self, tag: str, chosen: Mapping[str, Value]) -> str:
        """The root of the group that a nest stands in."""
        while chosen[self.placements[tag].parallel] == FUSED:
            tag = self.nests[tag].consumers[0]
        return tag

    def _find_distinct(self, tag: str, root: str) -> frozenset[int]:
        """The root's loops along which different blocks need different parts of a nest, whoever reads it.

        None, where a reader takes several parts at once, such as neighbours; each would be computed by itself.
        """
        found: list[frozenset[int]] = []
        for consumer in self.nests[tag].consumers:
            parts = {access for access in self.nests[consumer].inputs if access.producer == tag}
            if len(parts) > 1:
                return frozenset()
            for access in parts:
                followed = {r: self.followed(consumer, root, r) for r in self.nests[root].parallel}
                found.append(frozenset(r for r, loops in followed.items() if any(map(access.varies_with, loops))))
        return frozenset.intersection(*found) if found else frozenset()

    def followed(self, tag: str, root: str, loop: int) -> frozenset[int]:
        """The loops of a nest that shrink with a block of the root's `loop`."""
        return self._shrinking(root, loop).get(tag, frozenset())

    def _find_shrinking(self, root: str, loop: int) -> Mapping[str, frozenset[int]]:
        """`followed` of every nest that has any, from the root back."""
        found = {root: frozenset({loop})}
        for nest in reversed(self.nests.values()):
            loops = set(found.get(nest.tag, ()))
            for consumer in nest.consumers if nest.tag != root else ():
                for access in self.nests[consumer].inputs:
                    if access.producer == nest.tag:
                        for row, own in zip(access.rows, nest.outputs[0].rows, strict=True):
                            if any(row[each] for each in found.get(consumer, ())):
                                loops.update(each for each, coefficient in enumerate(own) if coefficient)
            if loops:
                found[nest.tag] = frozenset(loops)
        return found


def _shares(size: int, least: int, multiple: int) -> Iterator[int]:
    """Multiples of `multiple` from `least` on, of which nearly a power of two fill the loop, but for a small rest."""
    for count in (1 << power for power in range(1, size.bit_length())):
        block = size // count // multiple * multiple
        if block >= least and LEAST_SHARE * (size % block) <= size:
            yield block


def _divisors(size: int, least: int, multiple: int) -> tuple[int, ...]:
    """Divisors of `size` from `least` to half of it, multiples of `multiple`; at most MOST_SIZES, spread evenly."""
    pairs = ((value, size // value) for value in range(1, math.isqrt(size) + 1) if size % value == 0)
    divisors = sorted({value for pair in pairs for value in pair})
    return _spread([value for value in divisors if least <= value <= size // 2 and value % multiple == 0])


def _spread(values: Sequence[int]) -> tuple[int, ...]:
    """At most MOST_SIZES of them, spread evenly."""
    if len(values) <= MOST_SIZES:
        return tuple(values)
    step = (len(values) - 1) / (MOST_SIZES - 1)
    return tuple(values[round(position * step)] for position in range(MOST_SIZES))
