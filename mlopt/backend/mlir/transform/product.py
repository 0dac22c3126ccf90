"""A sum of products within a block, by the anatomy of a high-performance matrix product.

It is rewritten on operands packed into register tiles; cache loops and register loops are put around it from the
consumer, the unpacking of C, inwards. An operand's packing is fused to the depth that the schedule says (Goto and van
de Geijn 2008; van Zee and van de Geijn 2015).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..payload.nest import Access
from ..payload.product import PAIRS, Product
from ..space.order import LoopOrder
from .columns import are_taken_apart, write_out_vectors
from .loops import together
from .script import Handle, Script


class ProductScript:
    """Writes the steps for one product, found by its `tag`, whose loops have these `extents` in its block."""

    def __init__(
        self, script: Script, product: Product, values: Mapping[str, Any], tag: str, extents: Sequence[int], lanes: int
    ) -> None:
        self.script, self.product, self.tag, self.extents = script, product, tag, extents
        self.values, self.lanes = values, lanes
        self.count = len(extents)
        self.register = {loop: int(values[f"reg_{name}"]) for name, loop in product.roles.items()}
        for loop, step in self.register.items():
            if product.pairs and loop in product.packed:
                continue  # an instruction takes all of it, padded if need be
            if loop == product.n:
                self.register[loop] = self._columns(step, extents[loop])
                continue
            step = min(step, extents[loop])
            self.register[loop] = step
            even = max(size for size in range(1, step + 1) if extents[loop] % size == 0)
            if loop not in product.packed:  # a partial tile costs code of its own
                partial = loop == product.m and 3 * even < 2 * step
            else:  # a partial tile costs masks
                partial = values["accumulate"] == "block" or 2 * even < step
            if not partial:
                self.register[loop] = even
        self.m = product.roles["m"]
        self.partial_rows = not product.packs_rows and extents[self.m] % self.register[self.m] != 0
        self.terms = extents[product.roles["k"]] if "k" in product.roles else 1
        # Whether half of the last pair is missing, and it can be split off.
        self.odd = product.pairs and 3 < self.terms <= int(values["tile_k"]) and self.terms % 2 == 1

    def _columns(self, wanted: int, extent: int) -> int:
        """Columns of a register tile: of whole vectors, also where a part of the last one is masked.

        LLVM takes vectors of other sizes apart, element by element. Only a power of two below a vector is one, too.
        """
        if extent < self.lanes and extent.bit_count() == 1:
            return extent
        whole = [count for count in range(self.lanes, wanted + 1, self.lanes) if extent % count == 0]
        return max(whole, default=min(wanted, -(-extent // self.lanes) * self.lanes))

    def write(self) -> None:
        self._pack()
        self._tile()
        self._vectors()
        self._rows()
        self._cut_columns()

    def _pack(self) -> None:
        script, product = self.script, self.product
        sizes = [self.register[loop] if loop in product.packed else 0 for loop in range(self.count)]
        self.target = script.pack(script.nest(self.tag), sizes)
        for operand in (0, 1):
            access = product.nest.inputs[operand]
            first = product.n if operand != product.left else product.m
            outer, inner = self._layout(access, first)
            if outer != sorted(outer) or inner != sorted(inner):
                self.target = script.transpose_pack(self.target, operand, outer, inner)
        output = product.nest.outputs[0]
        outer, inner = self._layout(output, product.n)
        self.written = list(range(len(output.rows))) if product.packs_rows else outer
        if self.written != sorted(outer):
            self.target = script.transpose_unpack(self.target, outer, inner)
        script.patterns(script.match(script.payload, "func.func"), "canonicalization")
        self.operands = [o for o in (0, 1) if self._inner(product.nest.inputs[o])]
        self.packs = {operand: script.producer(self.target, operand) for operand in self.operands}
        self.clear = script.producer(self.target, 2)
        self.unpack = script.consumer(self.target)

    def _inner(self, access: Access) -> list[int]:
        """The packed loops of an operand, in the order in which packing appends them."""
        return [loop for loop in self.product.packed if access.varies_with(loop)]

    def _layout(self, access: Access, first: int | None) -> tuple[list[int], list[int]]:
        """Panels of `first` come first, but for the loops outside; within a tile the vectors come last."""
        outside = [row for row, each in enumerate(access.rows) if any(each[loop] for loop in self.product.outer)]
        lead = [access.plain(first)] if first is not None and access.plain(first) is not None else []
        order = [*outside, *(row for row in lead if row is not None and row not in outside)]
        outer = [*order, *(row for row in range(len(access.rows)) if row not in order)]
        inner = self._inner(access)
        last = self.product.n if self.product.n in inner and not self.product.pairs else self.product.k
        wanted = sorted(inner, key=lambda loop: (loop == last, loop))
        if not inner:
            return list(range(len(access.rows))), []
        return outer, [inner.index(loop) for loop in wanted]

    def _tile(self) -> None:
        loops = self._loops()
        outside = len(self._outer()) if self._whole else 0
        sums = [position for position, (loop, _) in enumerate(loops) if loop in self.product.nest.reductions]
        finished = sums[0] if sums and self._whole and self.values["accumulate"] == "tile" else outside
        depths = {operand: self._depth(operand, loops) for operand in self.operands}
        if self.odd:  # all whole pairs, then the last one
            loops.insert(-1, (self.product.roles["k"], self.terms - 1))
            depths[self.product.left] += 1
        dimensions = [loop for loop, _ in loops]
        for run in together(dimensions, self.product.nest.reductions, {finished, *depths.values()}):
            steps = dict(loops[run.start : run.stop])
            if run.start < finished:
                self.unpack, handles = self.script.tile(self.unpack, *self._output_steps(steps))
                self.target, _ = self.script.fuse(self.target, handles[-1])
                function = self.script.match(self.script.payload, "func.func")
                self.script.patterns(function, "memref.resolve_ranked_shaped_type_result_dims")
                self.clear, _ = self.script.fuse(self.clear, handles[-1])
            else:
                self.target, handles = self.script.tile(self.target, *self._product_steps(steps))
            for operand, depth in depths.items():
                if run.start < depth:
                    self.packs[operand], _ = self.script.fuse(self.packs[operand], handles[-1])
            for position, handle in zip(run, handles, strict=True):
                if dimensions[position] == self.m:  # the last one is that of register tiles
                    self.rows = handle
                if self.odd and position == len(loops) - 2:
                    self.whole_pairs = handle

    def _outer(self) -> list[tuple[int, int]]:
        return [(loop, 1) for loop in self.product.outer if self.extents[loop] > 1]

    def _loops(self) -> list[tuple[int, int]]:
        """(loop, elements a step), outermost first: loops outside, cache loops, register loops, the rest of the sum."""
        roles = self.product.roles
        cache = []
        for name in LoopOrder(tuple(roles)).path(self.values):
            loop, tile = roles[name], int(self.values[f"tile_{name}"])
            step = -(-tile // self.register[loop]) * self.register[loop]
            # Parts of a sum may be partial where they are packed; parts of C would need masks.
            even = self.extents[loop] % step == 0 or (loop in self.product.packed and name == "k")
            if step < self.extents[loop] and even:
                cache.append((loop, step))
        registers = [(roles[n], self.register[roles[n]]) for n in str(self.values["reg_order"])]
        inner = [(loop, 1) for loop in self.product.inner if self.extents[loop] > 1]
        last = [(roles["k"], self.register[roles["k"]])] if "k" in roles else []
        return [*self._outer(), *cache, *registers, *inner, *last]

    def _product_steps(self, steps: Mapping[int, int]) -> tuple[list[int], list[int]]:
        """(tile sizes of the packed product, whose packed loops count register tiles; the loops, outermost first)."""
        sizes = [0] * self.count
        for loop, step in steps.items():
            sizes[loop] = step // self.register[loop] if loop in self.product.packed else step
        return sizes, list(steps)

    def _output_steps(self, steps: Mapping[int, int]) -> tuple[list[int], list[int]]:
        """(tile sizes of the unpacking, in elements; its dimensions that are tiled, outermost first)."""
        rows = self.product.nest.outputs[0].rows
        dimensions = [next(at for at, row in enumerate(rows) if row[loop]) for loop in steps]
        sizes = dict(zip(dimensions, steps.values(), strict=True))
        return [sizes.get(at, 0) for at in range(len(rows))], dimensions

    def _depth(self, operand: int, loops: Sequence[tuple[int, int]]) -> int:
        """How many loops an operand's packing stands in: up to the innermost admitted one that it varies with."""
        placement = self.values["pack_a" if operand == self.product.left else "pack_b"]
        count = len(loops) if placement == "none" else 0
        if placement == "panel":
            inner = [loop for loop, _ in loops]
            count = len(self._outer()) + sum(
                1
                for position, (loop, _) in enumerate(loops)
                if position >= len(self._outer()) and loop in inner[position + 1 :]
            )
        access = self.product.nest.inputs[operand]
        varying = (position + 1 for position, (loop, _) in enumerate(loops[:count]) if access.varies_with(loop))
        return max(varying, default=0)

    @property
    def _whole(self) -> bool:
        """Whether C consists of whole register tiles; else it is written back at once, when all of it is finished.

        Parts of an unpacking that pads have no static shape, and cost a copy each.
        """
        return not any(self.extents[loop] % self.register[loop] for loop in (self.m, self.product.n))

    def _vectors(self) -> None:
        script, product = self.script, self.product
        if product.pairs:
            self._dots()
        for operand, pack in self.packs.items():
            self._vectorize_pack(operand, pack)
        rows = product.nest.outputs[0].rows
        script.tile(self.clear, [1] * len(rows))
        steps = [next((self.register.get(loop, 1) for loop, c in enumerate(row) if c), 1) for row in rows]
        packed = [any(row[loop] for loop in product.packed) for row in rows]
        whole = self._whole  # then rows are written at once, too
        steps = [step if each or whole else 1 for each, step in zip(packed, steps, strict=True)]
        tile, loops = script.tile(self.unpack, steps)
        outer = [1 if packed[row] else steps[row] for row in self.written]
        script.vectorize(tile, [*outer, *(self.register[loop] for loop in self._inner(product.nest.outputs[0]))])
        if not whole and self.values["remainder"] == "peel":
            for loop in reversed(loops):
                script.peel(loop)

    def _vectorize_pack(self, operand: int, pack: Handle) -> list[Handle]:
        """The loops around a packed vector, one a dimension of the operand."""
        access = self.product.nest.inputs[operand]
        units = [1] * len(access.rows)
        tile, loops = self.script.tile(pack, units)
        _, order = self._layout(access, None)
        inner = self._inner(access)
        self.script.vectorize(tile, [*units, *(self.register[inner[position]] for position in order)])
        return loops

    def _dots(self) -> None:
        """Let each register tile be dot products of pairs, that of the rows left over and the last, odd pair, too."""
        script, m, tag = self.script, self.m, self.tag
        targets, packs, heights = [self.target], [self.packs.pop(self.product.left)], [self.register[m]]
        if self.partial_rows:
            heights.append(self.extents[m] % self.register[m])
        if self.odd:
            heights = [height for height in heights for _ in range(2)]
        if len(heights) > 1:
            tags = [f"{tag}.tile", f"{tag}.a"]
            for handle, each in zip((*targets, *packs), tags, strict=True):
                script.tag(handle, each)
            self._split_off()
            targets, packs = (script.separate(script.nest(each), len(heights)) for each in tags)
        row = next(row for row, each in enumerate(self.product.nest.inputs[self.product.left].rows) if each[m])
        for target, pack, height in zip(targets, packs, heights, strict=True):
            self._dot(target, height)
            loops = self._vectorize_pack(self.product.left, pack)
            script.unroll(loops[row], height)  # else a copy of the rows remains

    def _split_off(self) -> None:
        """Split off the rows that fill no register tile, then the last pair of each sum where half of it is missing.

        Else every pair would be read under a mask.
        """
        script, sums = self.script, f"{self.tag}.k"
        function = script.match(script.payload, "func.func")
        if self.odd:
            script.tag(self.whole_pairs, sums)
        if self.partial_rows:
            script.peel(self.rows)
            script.simplify(function)
        if self.odd:
            script.peel(script.nest(sums))
            script.patterns(function, "scf.for_loop_canonicalization")
            script.simplify(function)

    def _dot(self, target: Handle, height: int) -> None:
        """Cut a register tile into vectors of sums, each of which adds the products of one pair of A with many."""
        script, product = self.script, self.product
        rows = [int(loop == product.m) for loop in range(self.count)]
        columns = [PAIRS if loop == product.n else 0 for loop in product.packed]
        target, loops = script.tile(target, [*rows, *columns])
        script.vectorize(target, [*([1] * self.count), *(PAIRS if loop == product.n else 2 for loop in product.packed)])
        script.multiply_pairs(loops[0])  # before the packing of A is vectorised, too, and its vectors are read instead
        script.unroll(loops[1], self.register[product.n] // PAIRS)
        script.unroll(loops[0], height)

    def _rows(self) -> None:
        """Split off the rows that fill no register tile; write those out that A's elements are too far apart for."""
        script, product, m = self.script, self.product, self.m
        written_out = product.strided and self.register[m] > 1
        if product.pairs or not (self.partial_rows or written_out):
            return
        function = script.match(script.payload, "func.func")
        if self.partial_rows:
            script.tag(self.target, self.tag)
            script.peel(self.rows)
            script.simplify(function)
            self.target = script.nest(self.tag)
        if written_out:
            _, (rows,) = script.tile(self.target, [int(loop == m) for loop in range(self.count)])
            script.unroll(rows, self.register[m])
            script.patterns(function, "linalg.tiling_canonicalization", "canonicalization")
            script.hoist_accumulators(function)  # while each row is a slice of its own

    def _cut_columns(self) -> None:
        product, lanes = self.product, self.lanes
        count = self.register[product.n] // lanes
        if are_taken_apart(count) and not product.pairs:
            steps = [*([0] * self.count), *(lanes if loop == product.n else 0 for loop in product.packed)]
            write_out_vectors(self.script, self.target, steps, count)
