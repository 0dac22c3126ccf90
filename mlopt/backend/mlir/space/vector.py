"""How a map or a reduction is computed within its block: how much at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....core.schedule import Value
from ....core.space import Knob
from ..payload.nest import LoopNest
from ..simd import Simd

VECTORS = (1, 2, 4, 8)
ROWS = (1, 2, 4)


class VectorKnobs:
    """`width` elements along the vector loop, and `rows` of the next parallel loop, in one step."""

    def __init__(self, nest: LoopNest, prefix: str, simd: Simd) -> None:
        self.nest = nest
        self.width, self.rows = f"{prefix}width", f"{prefix}rows"
        loop = nest.vector_loop
        self.vector_loop = loop if loop is not None and nest.vectorizable(loop) else None
        others = [each for each in nest.parallel if each != loop and nest.sizes[each] > 1]
        self.row_loop = others[-1] if others and loop is not None and loop not in nest.reductions else None
        size = 1 if self.vector_loop is None else nest.sizes[self.vector_loop]
        widths = [simd.lanes * count for count in VECTORS if simd.lanes * (count - 1) < size]
        rows = [count for count in ROWS if self.row_loop is not None and nest.sizes[self.row_loop] % count == 0]
        self.knobs = (
            Knob(self.width, "log2", tuple(widths) if self.vector_loop is not None else (1,), "elements in one step"),
            Knob(self.rows, "log2", tuple(rows) or (1,), "rows in one step"),
        )

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return knob.values
