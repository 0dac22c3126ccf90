"""Whether a program's result may be stored past the caches."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....core.fingerprint import cache_bytes
from ..payload.nest import Access, LoopNest
from ..simd import Simd

STORES = "stores"
"""The knob of a program whose result is large: through the caches, or past them."""
CACHED, STREAMED = "cached", "streamed"

LINE = 64
"""Bytes of a cache line, at which every buffer begins."""

USUAL_CACHE = 1 << 20


def streamable(nest: LoopNest, vector_loop: int | None, blocks: Sequence[int], simd: Simd) -> bool:
    """Whether non-temporal stores are possible and may pay for what a map along `vector_loop` computes.

    An ordinary store reads a cache line before it changes it, which past the caches is traffic for nothing. The result
    must be too large for a core's own caches, and read by nobody. Its vectors must begin at multiples of their size:
    rows, and the `blocks` that the vector loop may be cut into, are whole vectors.
    """
    if not nest.final or nest.reductions or vector_loop is None:
        return False
    (output,) = nest.outputs
    whole = all(size % simd.lanes == 0 for size in (output.shape[-1], *blocks))
    return whole and output.innermost() == vector_loop and nbytes(output) > cache_bytes().get("L2", USUAL_CACHE)


def beyond_caches(nest: LoopNest) -> bool:
    """Whether what a nest reads and writes is more than the largest cache holds."""
    moved = sum(nbytes(access) for access in (*nest.inputs, *nest.outputs))
    return moved > max(cache_bytes().values(), default=USUAL_CACHE)


def nbytes(access: Access) -> int:
    """Bytes of the tensor."""
    return math.prod(access.shape) * element_bytes(access)


def element_bytes(access: Access) -> int:
    """Bytes of one element of the tensor, such as 4 of f32; integers of odd widths take whole bytes."""
    bits = int("".join(filter(str.isdigit, access.dtype)) or 8 * np.dtype(np.intp).itemsize)  # index has no number
    return -(-bits // 8)
