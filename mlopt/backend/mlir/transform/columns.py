"""Register tiles of three vectors a row."""

from __future__ import annotations

from collections.abc import Sequence

from .script import Handle, Script


def are_taken_apart(count: int) -> bool:
    """Whether LLVM computes `count` vectors in a row element by element: it has rows of one, two or four."""
    return count.bit_count() > 1


def write_out_vectors(script: Script, target: Handle, steps: Sequence[int], count: int) -> None:
    """Write out the `count` vectors, one a step, in the rows of register tiles."""
    function = script.match(script.payload, "func.func")
    _, (vectors,) = script.tile(target, steps)
    script.unroll(vectors, count)
    script.patterns(function, "linalg.tiling_canonicalization", "canonicalization")
    script.hoist_accumulators(function)  # while each vector is a slice of its own
