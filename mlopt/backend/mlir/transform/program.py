"""From a schedule of a whole program to its transform-dialect script.

Each nest that is not fused becomes blocks; what is fused into it is computed block by block. Within a block every shape
is static, and each nest is tiled and vectorised as its own knobs say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ....core.schedule import Schedule, Value
from ..payload.nest import LoopNest
from ..space.product import ProductKnobs
from ..space.program import FUSED, ProgramSpace
from ..space.vector import VectorKnobs
from .buffers import Ending
from .product import ProductScript
from .script import Script

WIDEST_FILL = 128
"""Elements that are cleared in one step."""


def transformation(space: ProgramSpace, schedule: Schedule) -> Any:
    """The transform module for a prepared program, from tensors to vectors on buffers. Needs an active context."""
    return _Writer(space, schedule.values()).write()


class _Writer:
    def __init__(self, space: ProgramSpace, values: Mapping[str, Value]) -> None:
        self.space = space
        self.values = values
        self.script = Script()

    def write(self) -> Any:
        script, space = self.script, self.space
        extents = {tag: list(nest.sizes) for tag, nest in space.nests.items()}
        for tag in space.placements:  # consumers come before producers
            if self.values[space.placements[tag].parallel] != FUSED:
                self._cut(tag, extents)
        function = script.match(script.payload, "func.func")
        script.patterns(function, "linalg.tiling_canonicalization", "canonicalization")
        for tag, inner in space.inner.items():
            if isinstance(inner, ProductKnobs):
                ProductScript(script, inner.product, self._own(inner), extents[tag]).write()
            else:
                self._vectors(inner, extents[tag])
        for nest in space.nests.values():
            if nest.is_fill:
                self._fill(nest, extents[nest.tag])
        pairs = any(isinstance(inner, ProductKnobs) and inner.product.pairs for inner in space.inner.values())
        Ending(script, "outerproduct", space.threads > 1, pairs, self._temporaries()).write()
        return script.finish()

    def _temporaries(self) -> bool:
        """Whether there is anything but one product."""
        return len(self.space.inner) > 1 or any(isinstance(inner, VectorKnobs) for inner in self.space.inner.values())

    def _own(self, inner: ProductKnobs) -> dict[str, Any]:
        """A product's values by their short names."""
        names = [knob.name for knob in inner.knobs]
        return {name.removeprefix(inner.prefix): self.values[name] for name in names}

    def _cut(self, root: str, extents: dict[str, list[int]]) -> None:
        """Blocks of a nest, with everything fused into them."""
        placement = self.space.placements[root]
        sizes = {loop: int(self.values[placement.block(letter)]) for letter, loop in placement.loops.items()}
        cut = {loop: size for loop, size in sizes.items() if size < placement.nest.sizes[loop]}
        members = [tag for tag in reversed(self.space.nests) if self.space.stands_in(tag, root, self.values)]
        for loop, size in cut.items():
            extents[root][loop] = size
        for tag in members:
            self._shrink(tag, extents)
        if cut:
            steps = [cut.get(loop, 0) for loop in range(len(placement.nest.sizes))]
            _, block = self.script.tile_parallel(self.script.nest(root), steps)
            for tag in members:
                _, block = self.script.fuse(self.script.nest(tag), block)
                if len(self.space.nests[tag].consumers) > 1:  # fused once for each, all alike
                    self.script.simplify(self.script.match(self.script.payload, "func.func"))

    def _shrink(self, tag: str, extents: dict[str, list[int]]) -> None:
        """How much of a fused nest a block needs."""
        nest = self.space.nests[tag]
        own = [0] * len(nest.sizes)
        for consumer in nest.consumers:
            reader = self.space.nests[consumer]
            for access in (*reader.inputs, *reader.outputs):
                if access.producer == tag:
                    for row, out in zip(access.rows, nest.outputs[0].rows, strict=True):
                        extent = 1 + sum(c * (extents[consumer][loop] - 1) for loop, c in enumerate(row))
                        for loop, coefficient in enumerate(out):
                            if coefficient:
                                own[loop] = max(own[loop], extent)
        extents[tag] = [min(size, needed or size) for size, needed in zip(nest.sizes, own, strict=True)]

    def _vectors(self, inner: VectorKnobs, extents: list[int]) -> None:
        """A map or a reduction: steps of `rows` by `width`, or single rows left to LLVM."""
        script, nest = self.script, inner.nest
        width, rows = int(self.values[inner.width]), int(self.values[inner.rows])
        vector, target = inner.vector_loop, script.nest(nest.tag)
        steps = [1] * len(extents)
        if vector is None:
            if steps:  # else it is a single element
                steps[nest.vector_loop if nest.vector_loop is not None else -1] = 0
                script.tile(target, steps)
            return
        if inner.row_loop is not None:
            steps[inner.row_loop] = math.gcd(rows, extents[inner.row_loop])
        width = min(width, extents[vector])
        if vector in nest.reductions:
            steps[vector] = 0
            target, _ = script.tile(target, steps)
            if extents[vector] > width:
                script.tile_sum(target, [width if loop == vector else 0 for loop in range(len(extents))])
        else:
            steps[vector] = width
            outer = [0 if loop in nest.reductions else step for loop, step in enumerate(steps)]
            target, loops = script.tile(target, outer)
            if nest.reductions:
                script.tile(target, [step if loop in nest.reductions else 0 for loop, step in enumerate(steps)])
            if extents[vector] % width:
                script.peel(loops[sum(bool(step) for step in outer[:vector])])

    def _fill(self, nest: LoopNest, extents: list[int]) -> None:
        """Clear row by row."""
        steps = [1] * len(extents)
        if extents:
            steps[-1] = max(step for step in range(1, min(extents[-1], WIDEST_FILL) + 1) if extents[-1] % step == 0)
            self.script.tile(self.script.nest(nest.tag), steps)
