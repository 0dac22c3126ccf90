"""Where to begin in a program's space: what should do well by the sizes of caches and registers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from ....core.fingerprint import cache_bytes
from ....core.schedule import Schedule, Value
from .matmul import COLUMN_COUNTS
from .product import ProductKnobs
from .program import FUSED, STACK, USUAL_STACK, Placement, ProgramSpace
from .stores import CACHED, STORES, STREAMED, beyond_caches
from .transposes import SQUARES, TRANSPOSES
from .vector import SUMMED_ROWS, VECTORS, VectorKnobs

ELEMENT_BYTES = 4
STEPS = (4, 1)
"""Vectors a step of a map or a reduction."""

PACKINGS: tuple[Mapping[str, Value], ...] = (
    {"pack_a": "panel", "pack_b": "panel", "accumulate": "block"},
    {"pack_a": "none", "pack_b": "block", "accumulate": "tile"},
)
"""What products do with their operands and results."""

UNPACKED: Mapping[str, Value] = {"pack_a": "none", "pack_b": "none", "accumulate": "tile"}
"""For sums so short that what a register tile reads of B stays in the first cache."""

TERMS = 256
"""Terms in a cache tile of a sum of float32."""

COLUMNS = 2
"""Vectors along a register tile."""

MANY = 1 << 30
"""As many as there may be."""

WINDOW_ROWS = 4
"""Rows of the register tile of a sum within a window."""

MANY_TERMS = 32
"""A sum of this many vectors is read in one direction, and its result over and over again."""


def hints(space: ProgramSpace) -> Iterator[Mapping[str, Value]]:
    """Complete schedules, the most promising first: blocks of several sizes, everything fused that can be."""
    caches = cache_bytes()
    first, second = caches.get("L1", 1 << 15), caches.get("L2", 1 << 19)
    packings: Sequence[Mapping[str, Value]]
    last: tuple[bool, ...]
    vectors: tuple[int, ...]
    sizes: tuple[int, ...]
    if products := [inner for inner in space.inner.values() if isinstance(inner, ProductKnobs)]:
        small = all(2 * ELEMENT_BYTES * each.size["m"] * each.size.get("k", 1) <= first for each in products)
        packings = PACKINGS[::-1] if small else PACKINGS  # an A that fits half of the first cache need not be packed
        if all(_needs_no_packing(each, 2 * COLUMNS * space.simd.lanes, first) for each in products):
            packings = (UNPACKED, PACKINGS[1])
        wide = any(each.size["n"] >= each.size["m"] for each in products)
        vectors, last = STEPS[:1], (True, False) if wide else (False, True)
        sizes = (MANY, second // 2, first)
    else:
        vectors, packings, last = STEPS, PACKINGS[:1], (False,)
        sizes = (second // 2, first // 2, 2 * second, first // 8)
    for size, packing, alone, count in itertools.product(sizes, packings, last, vectors):
        yield _Walk(space, size // ELEMENT_BYTES, count, packing, alone).schedule().values()


def _needs_no_packing(inner: ProductKnobs, columns: int, cache: int) -> bool:
    """Whether so many columns of B fit a cache of so many bytes, and their elements are neighbours in memory."""
    b = inner.product.nest.inputs[1 - inner.product.left]
    return b.innermost() == inner.product.n and ELEMENT_BYTES * columns * inner.size.get("k", 1) <= cache


class _Walk:
    """Down the tree, by these wishes: elements of a block, vectors a step, what products do; and whether of two loops
    the last one is cut, not the first."""

    def __init__(
        self, space: ProgramSpace, elements: int, vectors: int, packing: Mapping[str, Value], last: bool
    ) -> None:
        self.space, self.elements, self.vectors, self.packing, self.last = space, elements, vectors, packing, last
        self.owners = {knob.name: placement for placement in space.placements.values() for knob in placement.knobs([])}
        maps = [inner for inner in space.inner.values() if isinstance(inner, VectorKnobs)]
        products = [inner for inner in space.inner.values() if isinstance(inner, ProductKnobs)]
        self.products = {knob.name: inner for inner in products for knob in inner.knobs}
        self.maps = {knob.name: inner for inner in maps for knob in inner.knobs}

    def schedule(self) -> Schedule:
        prefix = Schedule()
        while options := self.space.options(prefix):
            values = [option.value for option in options]
            wanted = self._wanted(options[0].knob, values, prefix.values())
            prefix = prefix.then(options[values.index(wanted)])
        return prefix

    def _wanted(self, name: str, values: Sequence[Value], chosen: Mapping[str, Value]) -> Value:
        if name in self.owners:
            placement = self.owners[name]
            if name == placement.parallel:
                fused = FUSED in values and self._is_cut(placement.nest.tag, chosen)
                return FUSED if fused else self._cut(placement, [each for each in values if each != FUSED])
            return self._block(placement, name[-1], values, chosen)
        if name in self.maps:
            return self._step(self.maps[name], name, values)
        product, short = self.products.get(name), name.rpartition(".")[2]
        columns, rows = self._tile(product, chosen) if product else (0, 0)
        wishes: dict[str, Value] = {
            "reg_n": COLUMNS * self.space.simd.lanes,
            "reg_m": MANY,
            "reg_k": 4,
            "reg_order": "nm",
            "remainder": "peel",
            "pack_a": "none",
            TRANSPOSES: SQUARES,
        }
        streamed = self.space.streamed is not None and beyond_caches(self.space.streamed)
        wishes |= {STORES: STREAMED if streamed else CACHED}
        wishes |= {STACK: USUAL_STACK, "tile_k": TERMS, "tile_m": MANY, "tile_n": MANY}
        if short == "tile_k" and product and product.product.pairs:
            wishes["tile_k"] = MANY if product.size["k"] % 2 else 2 * TERMS  # the rest of an odd sum is split off whole
        packing = self.packing
        if packing == UNPACKED:
            if columns:
                wishes |= {"reg_n": columns} | ({"reg_m": rows} if rows else {})
            else:
                packing = PACKINGS[1]
        wish = (wishes | dict(packing)).get(short, values[-1])
        if isinstance(wish, str):
            return wish if wish in values else values[0]
        return _nearest(values, wish)

    def _is_cut(self, tag: str, chosen: Mapping[str, Value]) -> bool:
        """Whether there are several of the blocks that a nest would be fused into."""
        root = self.space.root(tag, chosen)
        return root is not None and chosen[self.space.placements[root].parallel] != ""

    def _step(self, inner: VectorKnobs, name: str, values: Sequence[Value]) -> Value:
        """Squares of vectors where tensors are turned, sums of many terms outermost, no cache tiles."""
        lanes, nest = self.space.simd.lanes, inner.nest
        if name in inner.order.names:
            long = [
                nest.letters[loop]
                for loop in inner.ordered
                if loop in nest.reductions and nest.sizes[loop] >= MANY_TERMS
            ]
            return next((value for value in values if value in long), values[0])
        even = self._even(1 if inner.vector_loop is None else nest.sizes[inner.vector_loop])
        vectors, rows, terms = (1, lanes, 4) if inner.transposes else (even, 1, 4)
        if inner.sum_loop is not None and inner.written_out:  # a window: a register tile, and all of its last direction
            vectors, rows, terms = max(1, self.vectors // 2), WINDOW_ROWS, MANY
        elif inner.vector_loop in nest.reductions:
            rows = SUMMED_ROWS[-1]
        wishes = {inner.width: vectors * lanes, inner.rows: rows, inner.unroll: terms}
        return _nearest(values, wishes.get(name, MANY))

    def _tile(self, inner: ProductKnobs, chosen: Mapping[str, Value]) -> tuple[int, int]:
        """Columns and rows of a register tile of which a block has whole ones; 0 where there are no such."""
        extents = {name: self._extent(inner, name, chosen) for name in inner.size}
        lanes, registers = self.space.simd.lanes, self.space.simd.registers
        count = next((each for each in COLUMN_COUNTS if extents["n"] % (each * lanes) == 0), 0)
        most = min(extents["m"], (registers - 1) // max(1, count) - 1)
        rows = next((each for each in range(most, most // 2, -1) if extents["m"] % each == 0), 0)
        return count * lanes, rows

    def _extent(self, inner: ProductKnobs, name: str, chosen: Mapping[str, Value]) -> int:
        """How much of a loop, given by its role, a block holds."""
        tag = inner.product.nest.tag
        root = self.space.root_of(tag, chosen)
        if root is None:
            return inner.size[name]
        placement, loop = self.space.placements[root], inner.product.roles[name]
        cut = str(chosen[placement.parallel])
        own = [each for each in cut if loop in self.space.followed(tag, root, placement.loops[each])]
        return min([inner.size[name], *(int(chosen[placement.block(each)]) for each in own)])

    def _even(self, size: int) -> int:
        """Vectors a step, fewer where else there would be a rest of whole vectors."""
        lanes = self.space.simd.lanes
        counts = (count for count in VECTORS[::-1] if count <= self.vectors)
        return next((count for count in counts if size % (count * lanes) < lanes), 1)

    def _cut(self, placement: Placement, values: Sequence[Value]) -> Value:
        """All loops but the last; where the blocks would then be small, fewer."""
        letters = "".join(placement.loops)
        if self.last and len(letters) == 2 and letters[1] in values:
            return letters[1]
        sizes = [placement.nest.sizes[loop] for loop in placement.loops.values()]
        inner = [math.prod(sizes[count:]) for count in range(len(sizes) + 1)]
        count = next((each for each in range(1, len(sizes)) if inner[each] <= self.elements), max(1, len(sizes) - 1))
        return next((value for value in values if value == letters[:count]), values[-1])

    def _block(self, placement: Placement, letter: str, values: Sequence[Value], chosen: Mapping[str, Value]) -> Value:
        """As much as the elements of a block allow, with at least a block for each thread."""
        after = "".join(placement.loops).partition(letter)[2]
        rest = math.prod(placement.nest.sizes[placement.loops[each]] for each in after)
        size = placement.nest.sizes[placement.loops[letter]]
        cut = str(chosen[placement.parallel])
        share = size if cut != letter else -(-size // self.space.threads)
        wanted = min(share, max(1, self.elements // rest))
        fits = [int(v) for v in values if int(v) <= wanted]
        columns = COLUMNS * self.space.simd.lanes
        if placement.loops[letter] == placement.vector_loop and self._holds_product(placement):
            fits = [each for each in fits if each % columns == 0] or fits
        return max(fits, default=values[0])

    def _holds_product(self, placement: Placement) -> bool:
        """Whether it is the placement of a product, or of what adds to one or rounds it."""
        tags = (placement.nest.tag, *(access.producer for access in placement.nest.inputs))
        return any(isinstance(self.space.inner.get(tag or ""), ProductKnobs) for tag in tags)


def _nearest(values: Sequence[Value], wish: Value) -> Value:
    return min(values, key=lambda value: abs(float(value) - float(wish)))
