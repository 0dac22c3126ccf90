"""How a map or a reduction is computed within its block: its loops, and how much at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....core.schedule import Value
from ....core.space import Knob
from ..payload.nest import Access, LoopNest
from ..simd import Simd
from .matmul import FMA_LIMIT
from .order import LoopOrder

VECTORS = (1, 2, 4, 8)
ROWS = (1, 2, 4)
SUMMED_ROWS = (1, 2, 3, 4, 6, 8)
TRANSPOSED_ROWS = (1, 2, 4, 8, 16)
UNROLLINGS = range(1, 9)

MOST_ORDERED = 3
"""Loops whose order is decided; those outside of them stay as they are."""

LEAST_TILE = 16


class VectorKnobs:
    """`width` elements along the vector loop, `rows` of the next parallel loop and `unroll` of a sum in one step.

    Where tensors are walked in different orders, or sums are of whole vectors, there are also cache tiles to choose,
    and the order of the loops: a path, on which each level takes one of the loops that are left. So a sum within a
    window, such as a depthwise convolution, gets a register tile of `rows` by vectors that sums `unroll` terms a step.
    """

    def __init__(self, nest: LoopNest, prefix: str, simd: Simd) -> None:
        self.nest, self.lanes, self.registers = nest, simd.lanes, simd.registers
        self.width, self.rows, self.unroll = f"{prefix}width", f"{prefix}rows", f"{prefix}unroll"
        loop = nest.vector_loop
        self.vector_loop = loop if loop is not None and nest.vectorizable(loop) else None
        written = _walked(nest.outputs[0])
        self.parallel = tuple(sorted(nest.parallel, key=lambda each: written.index(each) if each in written else -1))
        """The loops without dependences, in the order in which the result lies in memory."""
        self.row_loop = self._find_row_loop()
        self.sum_loop = self._find_sum_loop()
        self.ordered = self._find_ordered()
        self.tiles = {loop: f"{prefix}tile_{nest.letters[loop]}" for loop in self.ordered if _tiles(nest.sizes[loop])}
        self.order = LoopOrder(tuple(nest.letters[loop] for loop in self.ordered), prefix)
        self.knobs = tuple(self._knobs())

    @property
    def transposes(self) -> bool:
        """Whether some tensor is walked in another order than the result."""
        order = _walked(self.nest.outputs[0])
        walked = [[loop for loop in _walked(access) if loop in order] for access in self.nest.inputs]
        return self.vector_loop is not None and any(loops != sorted(loops, key=order.index) for loops in walked)

    @property
    def accumulators(self) -> int:
        """Results that are summed up in registers, whether vectors are the terms of a sum or sums of their own."""
        summed = self.sum_loop is not None or self.vector_loop in self.nest.reductions
        return len(self.nest.outputs) if summed else 0

    def _find_row_loop(self) -> int | None:
        """The innermost other loop along which the vectors of a step are neighbours, too."""
        nest, vector = self.nest, self.vector_loop
        if vector is None:
            return None
        turned = next(
            (a.innermost() for a in (*nest.inputs, *nest.outputs) if a.innermost() not in (vector, None)), None
        )
        others = [loop for loop in self.parallel if loop != vector and nest.sizes[loop] > 1]
        found = turned if turned in others else next(iter(others[::-1]), None)
        return found if found is not None and nest.vectorizable(found) else None

    def _find_sum_loop(self) -> int | None:
        """The innermost loop of a sum of vectors."""
        nest, vector = self.nest, self.vector_loop
        sums = [loop for loop in sorted(nest.reductions) if nest.sizes[loop] > 1]
        return sums[-1] if sums and vector is not None and vector not in nest.reductions else None

    def _find_ordered(self) -> tuple[int, ...]:
        """The loops whose order makes a difference, as they are written: sums innermost.

        Vectors that are summed to numbers are innermost in any case.
        """
        nest = self.nest
        if not self.transposes and self.sum_loop is None:
            return ()
        sums = [loop for loop in sorted(nest.reductions) if loop != self.vector_loop]
        loops = [loop for loop in (*self.parallel, *sums) if nest.sizes[loop] > 1]
        return tuple(loops[-MOST_ORDERED:]) if len(loops) > 1 else ()

    def _knobs(self) -> list[Knob]:
        nest, lanes, vector = self.nest, self.lanes, self.vector_loop
        size = 1 if vector is None else nest.sizes[vector]
        widths = tuple(lanes * count for count in VECTORS if lanes * (count - 1) < size) if vector is not None else (1,)
        most: Sequence[int] = TRANSPOSED_ROWS if self.transposes else SUMMED_ROWS if self.accumulators else ROWS
        if self.transposes and self.sum_loop is None:
            # With more rows than a vector has elements, squares are turned side by side: more code, and no faster.
            most = [count for count in most if count < 2 * size]
        rows = tuple(count for count in most if self.row_loop is not None and nest.sizes[self.row_loop] % count == 0)
        knobs = [
            Knob(self.width, "log2", widths, "elements along the vectors in one step"),
            Knob(self.rows, "log2", rows or (1,), "rows of vectors in one step", (self.width,)),
        ]
        if self.sum_loop is not None:
            steps = tuple(n for n in UNROLLINGS if nest.sizes[self.sum_loop] % n == 0)
            knobs.append(Knob(self.unroll, "log2", steps, "terms of a sum in one step", (self.width, self.rows)))
        for loop, name in self.tiles.items():
            sizes = (*_tiles(nest.sizes[loop]), nest.sizes[loop])
            knobs.append(Knob(name, "log2", sizes, f"cache tile of {nest.letters[loop]}"))
        return [*knobs, *self.order.knobs()]

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        if knob.name in self.order.names:
            return self.order.legal(knob, chosen)
        if knob.name == self.rows and self.accumulators:
            vectors = self.accumulators * int(chosen[self.width]) // self.lanes
            return [rows for rows in knob.values if rows == 1 or int(rows) * vectors + 2 <= self.registers]
        if knob.name == self.unroll and self.written_out:
            work = int(chosen[self.rows]) * int(chosen[self.width]) // self.lanes
            return [count for count in knob.values if count == 1 or work * int(count) <= FMA_LIMIT]
        return knob.values

    @property
    def written_out(self) -> bool:
        """Whether several terms of a sum are computed one by one.

        Those that slide along a window share its subscript with another loop, and are no vectors of their own. Of what
        is no sum of products, several rows of several terms have the terms in the middle, where nothing sums them.
        """
        rows = [row for access in self.nest.inputs for row in access.rows]
        slides = self.sum_loop is not None and any(row[self.sum_loop] and sum(map(bool, row)) > 1 for row in rows)
        return slides or not (self.nest.combines and self.nest.sums_products)


def _walked(access: Access) -> list[int]:
    """The loops of an access, the one of the outermost subscript first."""
    return [loop for row in access.rows for loop, coefficient in enumerate(row) if coefficient]


def _tiles(size: int) -> tuple[int, ...]:
    """Powers of two that divide a loop, but for the loop itself."""
    powers = [1 << power for power in range(size.bit_length())]
    return tuple(power for power in powers if LEAST_TILE <= power < size and size % power == 0)
