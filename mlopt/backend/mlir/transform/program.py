"""From a schedule of a whole program to its transform-dialect script.

Each nest that is not fused becomes blocks; what is fused into it is computed block by block. Within a block every shape
is static, and each nest is tiled and vectorised as its own knobs say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....core.schedule import Schedule, Value
from ..payload.nest import LoopNest
from ..space.product import ProductKnobs
from ..space.program import FUSED, STACK, USUAL_STACK, ProgramSpace
from ..space.stores import LINE, STORES, STREAMED, element_bytes
from ..space.transposes import SHUFFLE, TRANSPOSES
from ..space.vector import VectorKnobs
from .buffers import Ending
from .product import ProductScript
from .script import Handle, Script
from .vector import VectorScript, write_fill

REST = ".rest"
"""Ends the tags of what is computed beside whole blocks."""


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
        script.patterns(function, "linalg.tiling_canonicalization")
        for tag, inner in space.inner.items():
            for part in self._parts(tag, extents):
                if isinstance(inner, ProductKnobs):
                    own = self._own(inner)
                    ProductScript(script, inner.product, own, part, extents[part], space.simd.lanes).write()
                else:
                    VectorScript(script, inner, self.values, part, extents[part]).write()
        for nest in space.nests.values():
            if nest.is_fill:
                for part in self._parts(nest.tag, extents):
                    write_fill(script, part, extents[part], space.simd.lanes)
        stack = int(self.values.get(STACK, USUAL_STACK))
        products = [inner.product for inner in space.inner.values() if isinstance(inner, ProductKnobs)]
        pairs = any(product.pairs for product in products)
        margins = any(nest.inside for nest in space.nests.values())
        module = Ending(
            script,
            "outerproduct",
            str(self.values.get(TRANSPOSES, SHUFFLE)),
            space.threads > 1,
            self._temporaries(),
            bool(products),
            stack,
            margins,
            pairs,
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

    def _parts(self, tag: str, extents: Mapping[str, Sequence[int]]) -> list[str]:
        """The tags of what a nest has become: whole blocks, and the rest beside them."""
        return [part for part in (tag, tag + REST) if part in extents]

    def _cut(self, root: str, extents: dict[str, list[int]]) -> None:
        """Blocks of a nest, with everything fused into them; a rest that fills no block has its own."""
        placement = self.space.placements[root]
        sizes = {loop: int(self.values[placement.block(letter)]) for letter, loop in placement.loops.items()}
        cut = {loop: size for loop, size in sizes.items() if size < placement.nest.sizes[loop]}
        members = [tag for tag in reversed(self.space.nests) if self.space.stands_in(tag, root, self.values)]
        for loop, size in cut.items():
            if rest := placement.nest.sizes[loop] % size:
                members = [tag for tag in members if not self._starts(tag, root)]  # cleared as a whole
                self._split_off(root, members, loop, placement.nest.sizes[loop] - rest)
                others = {each: size for each, size in cut.items() if each != loop}
                extents[root + REST] = list(placement.nest.sizes)
                extents[root + REST][loop] = rest
                self._blocks(root, members, others, extents, REST)
        self._blocks(root, members, cut, extents)

    def _starts(self, tag: str, root: str) -> bool:
        return self.space.nests[tag].is_fill and root in self.space.nests[tag].consumers

    def _split_off(self, root: str, members: Sequence[str], loop: int, whole: int) -> None:
        """Give what follows the first `whole` iterations of a loop, and all that is fused with it, tags of its own."""
        script, nest = self.script, self.space.nests[root]
        _, (parts,) = script.tile(script.nest(root), [whole if each == loop else 0 for each in range(len(nest.sizes))])
        script.peel(self._fuse(members, parts))
        function = script.match(script.payload, "func.func")
        script.patterns(function, "scf.for_loop_canonicalization")
        script.simplify(function)
        for tag in (root, *members):
            _, rest = script.separate(script.nest(tag), 2)
            script.tag(rest, tag + REST)

    def _blocks(
        self,
        root: str,
        members: Sequence[str],
        cut: Mapping[int, int],
        extents: dict[str, list[int]],
        part: str = "",
    ) -> None:
        for loop, size in cut.items():
            extents[root + part][loop] = size
        for tag in members:
            self._shrink(tag, extents, part)
        if cut:
            steps = [cut.get(loop, 0) for loop in range(len(self.space.nests[root].sizes))]
            _, block = self.script.tile_parallel(self.script.nest(root + part), steps)
            self._fuse(members, block, part)

    def _fuse(self, members: Sequence[str], block: Handle, part: str = "") -> Handle:
        for tag in members:
            _, block = self.script.fuse(self.script.nest(tag + part), block)
            nest = self.space.nests[tag]
            if len(nest.consumers) > 1 or len(nest.outputs) > 1:  # fused once for each reader and result, all alike
                self.script.simplify(self.script.match(self.script.payload, "func.func"))
        return block

    def _shrink(self, tag: str, extents: dict[str, list[int]], part: str) -> None:
        """How much of a fused nest a block needs."""
        nest = self.space.nests[tag]
        own = [0] * len(nest.sizes)
        for consumer in nest.consumers:
            reader = self.space.nests[consumer]
            for access in (*reader.inputs, *reader.outputs):
                if access.producer == tag:
                    for row, out in zip(access.rows, nest.outputs[0].rows, strict=True):
                        extent = 1 + sum(c * (extents[consumer + part][loop] - 1) for loop, c in enumerate(row))
                        for loop, coefficient in enumerate(out):
                            if coefficient:
                                own[loop] = max(own[loop], extent)
        extents[tag + part] = [min(size, needed or size) for size, needed in zip(nest.sizes, own, strict=True)]
