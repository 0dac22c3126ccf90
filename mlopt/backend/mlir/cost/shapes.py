"""Types of the IR as the cost model sees them."""

from __future__ import annotations

import math
from typing import Any

from ..bindings import ir
from .tree import Shape


class Shapes:
    """Of numbers and vectors, each type looked at once."""

    def __init__(self) -> None:
        self._known: dict[int, Shape | None] = {}

    def of(self, kind: Any) -> Shape | None:
        """Of a number or a vector; None for anything else."""
        key = hash(kind)
        if key not in self._known:
            self._known[key] = _shape(kind)
        return self._known[key]


def _shape(kind: Any) -> Shape | None:
    if isinstance(kind, ir.VectorType):
        *rows, lanes = kind.shape or [1]
        return Shape(math.prod(rows), lanes, bits(kind.element_type), True)
    if isinstance(kind, (ir.IndexType, ir.IntegerType, ir.FloatType)):
        return Shape(1, 1, bits(kind), False)
    return None


def bits(kind: Any) -> int:
    """Of an element; an index has 64, a complex number those of both parts."""
    if isinstance(kind, ir.IndexType):
        return 64
    if isinstance(kind, ir.ComplexType):
        return 2 * bits(kind.element_type)
    return int(kind.width)
