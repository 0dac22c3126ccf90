"""From a schedule to the transform-dialect script that carries it out.

The script follows the anatomy of a high-performance matrix product (Goto and van de Geijn 2008; van Zee and van de
Geijn 2015), in linalg's terms: the product is rewritten on operands packed into register tiles, so that every size,
however odd, becomes whole tiles; the outermost loops are parallel blocks; cache loops and register loops follow. An
operand's packing is fused to the depth that the schedule says: at no depth it is a copy made before all else, at the
innermost it folds away and the kernel reads the operand itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ....core.schedule import Schedule
from ..payload.contraction import Contraction
from ..space.matmul import CACHE_LOOPS
from ..space.transposes import SHUFFLE
from .buffers import Ending
from .columns import are_taken_apart, write_out_vectors
from .loops import together
from .script import Handle, Script

VARIES_WITH = {0: "mk", 1: "nk"}
"""For each operand of the product, the loops that its elements depend on, in the order of its packed layout."""

PRODUCT = "product"
"""The tag of what is multiplied, also in what is split off."""


@dataclass(slots=True)
class _Nest:
    """Handles of what the packed product consists of, updated as loops are put around it."""

    product: Handle
    unpack: Handle
    """The copy of finished tiles to C; the consumer, which the parallel loops are made from."""
    clear: Handle
    packs: list[Handle]


@dataclass(frozen=True, slots=True)
class _Loop:
    """One sequential loop around the register tile: over `dimension`, in steps of `tiles` register tiles."""

    dimension: str
    tiles: int


def transformation(contraction: Contraction, schedule: Schedule, lanes: int, parallel: bool) -> Any:
    """The transform module (one named sequence, from tensors to vectors on buffers). Needs an active context.

    `lanes` are the elements of a vector. Without `parallel`, blocks become plain loops.
    """
    return _Writer(contraction, schedule, lanes, parallel).write()


class _Writer:
    def __init__(self, contraction: Contraction, schedule: Schedule, lanes: int, parallel: bool) -> None:
        knobs: dict[str, Any] = schedule.values()
        self.lanes, self.parallel = lanes, parallel
        self.knobs = knobs
        self.contraction = contraction
        self.script = Script()
        self.batch = len(contraction.batch)
        self.size = {"m": contraction.m, "n": contraction.n, "k": contraction.k}
        self.register: dict[str, int] = {d: knobs[f"reg_{d}"] for d in "mnk"}
        self.block: dict[str, int] = {"m": knobs["block_m"], "n": knobs["block_n"], "k": contraction.k}
        self.cache_loops = [
            _Loop(d, self._tiles(d, knobs[f"tile_{d}"]))
            for d in CACHE_LOOPS.path(knobs)
            if knobs[f"tile_{d}"] < self.block[d]
        ]
        self.register_loops = [_Loop(d, 1) for d in (*knobs["reg_order"], "k")]

    def write(self) -> Any:
        nest = self._tile_blocks(self._pack())
        self._tile_loops(nest)
        self._vectorize(nest)
        Ending(self.script, self.knobs["lowering"], SHUFFLE, self.parallel).write()
        return self.script.finish()

    def _tiles(self, dimension: str, size: int) -> int:
        """How many register tiles cover `size` elements."""
        return -(-size // self.register[dimension])

    def _pack(self) -> _Nest:
        """Rewrite the product on packed operands.

        Its loops are now batch, m, n, k over register tiles, then m, n, k within a tile.
        """
        script, batch = self.script, list(range(self.batch))
        packed = script.pack(script.match(script.payload, self.contraction.operation), [0] * self.batch + self._tile())
        swapped = [*batch, self.batch + 1, self.batch]
        if self.contraction.left == "km":
            packed = script.transpose_pack(packed, operand=0, outer=swapped, inner=[0, 1])
        outer = swapped if self.contraction.right == "kn" else [*batch, self.batch, self.batch + 1]
        script.transpose_pack(packed, operand=1, outer=outer, inner=[1, 0])
        script.patterns(script.payload, "canonicalization")
        product = script.match(script.payload, "linalg.generic")
        return _Nest(
            product=product,
            unpack=script.match(script.payload, "linalg.unpack"),
            clear=script.producer(product, 2),
            packs=[script.producer(product, operand) for operand in (0, 1)],
        )

    def _tile(self) -> list[int]:
        return [self.register[d] for d in "mnk"]

    def _tile_blocks(self, nest: _Nest) -> _Nest:
        """Parallel blocks of C, one batch entry each, with all that is not done beforehand fused into them."""
        script, batch = self.script, [1] * self.batch
        sizes = [self._tiles(d, self.block[d]) * self.register[d] for d in "mn"]
        nest.unpack, block = script.tile_parallel(nest.unpack, [*batch, *sizes])
        nest.product, block = script.fuse(nest.product, block)
        nest.clear, block = script.fuse(nest.clear, block)
        for operand, placement in enumerate(self._placements()):
            if placement == "whole":
                tiles = self._tiles(VARIES_WITH[operand][0], self.block[VARIES_WITH[operand][0]])
                nest.packs[operand], _ = script.tile_parallel(nest.packs[operand], [*batch, tiles, 0])
            else:
                nest.packs[operand], block = script.fuse(nest.packs[operand], block)
        return nest

    def _placements(self) -> tuple[str, str]:
        return self.knobs["pack_a"], self.knobs["pack_b"]

    def _tile_loops(self, nest: _Nest) -> None:
        """Cache loops, then register loops, with each operand's packing fused as deep as the schedule says."""
        script, batch = self.script, [0] * self.batch
        loops = [*self.cache_loops, *self.register_loops]
        depths = [self._depth(operand, loops) for operand in VARIES_WITH]
        finished = [loop.dimension for loop in loops].index("k") if self.knobs["accumulate"] == "tile" else 0
        for run in together([loop.dimension for loop in loops], "k", {finished, *depths}):
            tiles = {"mnk".index(loop.dimension): loop.tiles for loop in loops[run.start : run.stop]}
            order = [*range(self.batch), *(self.batch + dimension for dimension in tiles)]
            if run.start < finished:
                elements = [tiles.get(at, 0) * self.register[d] for at, d in enumerate("mn")]
                nest.unpack, handles = script.tile(nest.unpack, [*batch, *elements], order)
                nest.product, _ = script.fuse(nest.product, handles[-1])
                # Else the size of a partial tile, asked of the clearing, would hold it back from being fused.
                script.patterns(
                    script.match(script.payload, "func.func"), "memref.resolve_ranked_shaped_type_result_dims"
                )
                nest.clear, _ = script.fuse(nest.clear, handles[-1])
            else:
                sizes = [*batch, *(tiles.get(at, 0) for at in range(3))]
                nest.product, handles = script.tile(nest.product, sizes, order)
            for operand, depth in enumerate(depths):
                if run.start < depth:
                    nest.packs[operand], _ = script.fuse(nest.packs[operand], handles[-1])

    def _depth(self, operand: int, loops: list[_Loop]) -> int:
        """How many of `loops` an operand's packing stands in: up to the innermost admitted one that it varies with."""
        admitted = {"panel": len(self.cache_loops), "none": len(loops)}.get(self._placements()[operand], 0)
        varying = (p + 1 for p, loop in enumerate(loops[:admitted]) if loop.dimension in VARIES_WITH[operand])
        return max(varying, default=0)

    def _vectorize(self, nest: _Nest) -> None:
        script, (m, n, k), units = self.script, self._tile(), [1] * (self.batch + 2)
        for pack, inner in zip(nest.packs, ([m, k], [k, n]), strict=True):
            tile, _ = script.tile(pack, units)
            script.vectorize(tile, [*units, *inner])
        script.tile(nest.clear, units)
        tile, loops = script.tile(nest.unpack, [*units[:-2], m, n])
        script.vectorize(tile, [*units, m, n])
        apart = are_taken_apart(n // self.lanes)
        if apart:
            script.tag(nest.product, PRODUCT)
        if self.knobs["remainder"] == "peel":
            for loop in reversed(loops[self.batch :]):
                script.peel(loop)
        if apart:
            steps = [*([0] * (self.batch + 3)), 0, self.lanes, 0]
            write_out_vectors(script, script.nest(PRODUCT), steps, n // self.lanes)
