"""A map, a reduction or a fill within a block: its loops, down to steps that become vectors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from ....core.schedule import Value
from ..space.vector import VectorKnobs
from .script import Handle, Script

WIDEST_FILL = 128
"""Elements that are cleared in one step."""


class VectorScript:
    """Writes the steps for one nest, found by its `tag`, whose loops have these `extents` in its block."""

    def __init__(
        self, script: Script, knobs: VectorKnobs, values: Mapping[str, Value], tag: str, extents: Sequence[int]
    ) -> None:
        self.script, self.knobs, self.nest, self.tag = script, knobs, knobs.nest, tag
        self.values, self.extents = values, list(extents)
        self.terms: list[Handle] = []
        """The loops over terms that are to be written out."""

    def write(self) -> None:
        target, vector = self.script.nest(self.tag), self.knobs.vector_loop
        if vector is None:
            # Only a plain sum is worth a loop of its own within that which LLVM may make vectors of.
            around = self.nest.parallel if self.nest.combines else range(len(self.extents))
            for part in self._parts(target):
                self._tile(part, {loop: 1 for loop in around if loop != self.nest.scalar_loop})
            return
        for loop, name in self.knobs.tiles.items():
            size = math.gcd(int(self.values[name]), self.extents[loop])
            target, _ = self._tile(target, {loop: size})
            self.extents[loop] = size
        loops = self._loops()
        position = loops.index(vector)
        target = self._nested(target, loops[:position])
        width = int(self.values[self.knobs.width])
        if vector in self.nest.reductions:
            if self.extents[vector] > width:
                sizes = [width if loop == vector else 0 for loop in range(len(self.extents))]
                self.script.tile_sum(target, sizes, len(self.nest.outputs))
            return
        for strip in _strips(self.script, target, self.extents, vector, width, self.knobs.lanes):
            step = self._nested(strip, loops[position + 1 :])
            if self.knobs.sum_loop is not None and self._step(self.knobs.sum_loop) > 1:
                others = [loop for loop in range(len(self.extents)) if loop != vector]
                self.script.interchange(step, [*others, vector])  # so that the terms of a sum are whole vectors
        for loop in self.terms:
            self.script.unroll(loop, int(self.values[self.knobs.unroll]))

    def _parts(self, target: Handle) -> Iterator[Handle]:
        """The margins of a padding, and what they surround, where a block holds all of a loop."""
        for loop, (first, end) in enumerate(self.nest.inside):
            if self.extents[loop] == self.nest.sizes[loop]:
                if first:
                    margin, target = self.script.split(target, loop, first)
                    yield margin
                if end < self.extents[loop]:
                    target, margin = self.script.split(target, loop, end - first)
                    yield margin
        yield target

    def _loops(self) -> list[int]:
        """Outermost first: what has no order of its own, then by the path of the schedule; vectors that are summed are
        innermost."""
        knobs, letters = self.knobs, {letter: loop for loop, letter in self.nest.letters.items()}
        path = [letters[letter] for letter in knobs.order.path(self.values)]
        rest = [loop for loop in (*knobs.parallel, *sorted(self.nest.reductions)) if loop not in path]
        rest.sort(key=lambda loop: loop == knobs.vector_loop)
        return sorted([*rest, *path], key=lambda loop: loop == knobs.vector_loop and loop in self.nest.reductions)

    def _step(self, loop: int) -> int:
        """Iterations that become one vector operation."""
        wanted = {self.knobs.row_loop: self.knobs.rows}
        if not self.knobs.written_out:
            wanted[self.knobs.sum_loop] = self.knobs.unroll
        return math.gcd(int(self.values[wanted[loop]]), self.extents[loop]) if loop in wanted else 1

    def _nested(self, target: Handle, loops: Sequence[int]) -> Handle:
        """Put these loops around it, in this order."""
        runs: list[dict[int, int]] = [{}]
        for loop in loops:
            if runs[-1] and loop < max(runs[-1]):
                runs.append({})
            runs[-1][loop] = self._step(loop)
        for run in runs:
            target, made = self._tile(target, run)
            if self.knobs.written_out and self.knobs.sum_loop in made:
                self.terms.append(made[self.knobs.sum_loop])
        return target

    def _tile(self, target: Handle, steps: Mapping[int, int]) -> tuple[Handle, Mapping[int | None, Handle]]:
        """Put loops of these steps around it, in the order in which its own loops are written; returns these, too."""
        sizes = [steps.get(loop, 0) if steps.get(loop, 0) < extent else 0 for loop, extent in enumerate(self.extents)]
        if not any(sizes):
            return target, {}
        tiled, handles = self.script.tile(target, sizes)
        return tiled, dict(zip((loop for loop, size in enumerate(sizes) if size), handles, strict=True))


def write_fill(script: Script, tag: str, extents: Sequence[int], lanes: int) -> None:
    """Clear row by row."""
    if not extents:
        return
    last, target = len(extents) - 1, script.nest(tag)
    if last:
        target, _ = script.tile(target, [*([1] * last), 0])
    vectors = extents[last] // lanes
    most = max((count for count in range(1, WIDEST_FILL // lanes + 1) if vectors % count == 0), default=1)
    for _ in _strips(script, target, extents, last, lanes * most, lanes):
        pass


def _strips(
    script: Script, target: Handle, extents: Sequence[int], loop: int, width: int, lanes: int
) -> Iterator[Handle]:
    """Cut a loop into steps of `width`; the rest into one of whole vectors, and one of what is left."""
    extent = extents[loop]
    while extent:
        width = min(width, extent if extent < lanes else extent - extent % lanes)
        whole = extent - extent % width
        strip, target = script.split(target, loop, whole) if whole < extent else (target, target)
        if whole > width:
            strip, _ = script.tile(strip, [width if each == loop else 0 for each in range(len(extents))])
        yield strip
        extent -= whole
