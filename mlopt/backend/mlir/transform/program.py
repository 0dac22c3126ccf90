"""From a schedule of a whole program to its transform-dialect script.

Each nest that is not fused becomes blocks; what is fused into it is computed block by block. Within a block every shape
is static, and each nest is tiled and vectorised as its own knobs say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....core.schedule import Schedule, Value
from ..payload.nest import LoopNest
from ..space.product import ProductKnobs
from ..space.program import FUSED, STACK, USUAL_STACK, ProgramSpace
from ..space.stores import LINE, STORES, STREAMED, element_bytes
from ..space.vector import VectorKnobs
from .buffers import Ending
from .product import ProductScript
from .script import Handle, Script
from .vector import VectorScript, write_fill


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
                VectorScript(script, inner, self.values, extents[tag]).write()
        for nest in space.nests.values():
            if nest.is_fill:
                write_fill(script, nest, extents[nest.tag], space.simd.lanes)
        stack = int(self.values.get(STACK, USUAL_STACK))
        products = [inner.product for inner in space.inner.values() if isinstance(inner, ProductKnobs)]
        pairs = any(product.pairs for product in products)
        margins = any(nest.inside for nest in space.nests.values())
        module = Ending(
            script, "outerproduct", space.threads > 1, self._temporaries(), bool(products), stack, margins, pairs
        ).write()
        if space.streamed and self.values[STORES] == STREAMED:
            self._stream(module, space.streamed)
        return script.finish()

    def _stream(self, module: Handle, nest: LoopNest) -> None:
        """Store the result of a nest, all of which are whole vectors, past the caches."""
        size = element_bytes(nest.outputs[0])
        self.script.stream(module, min(LINE, self.space.simd.lanes * size), size)

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
