"""Memory of its own for every result: what would lie where an argument, a constant or another result lies is copied.

A kernel writes each result to memory that its caller gave for it. MLIR's passes crash where a function returns one
tensor twice, and copy an argument by the sizes that descriptors tell, which need not be those of the program.
"""

from __future__ import annotations

from typing import Any

from ..bindings import ir
from .walk import operations

VIEWS = ("tensor.cast", "tensor.collapse_shape", "tensor.expand_shape", "tensor.extract_slice", "tensor.reshape")
"""What results in the memory of their first operand."""

COMPUTES = ("linalg.", "tensor.", "bufferization.alloc_tensor")
"""What else results in memory of its own."""


def own_results(module: Any) -> None:
    """Copy what the functions of a module return and have no memory of its own for, in place.

    Needs an active context.
    """
    for end in [op for op in operations(module.operation) if op.name == "func.return"]:
        taken: list[Any] = []
        for position, value in enumerate(end.operands):
            if not isinstance(value.type, ir.RankedTensorType):
                continue
            origin = _origin(value)
            if not _is_computed(origin) or origin in taken:
                with ir.InsertionPoint(end), end.location:
                    end.operands[position] = origin = _copied(value)
            taken.append(origin)


def _origin(value: Any) -> Any:
    """The tensor in whose memory this one lies."""
    while not isinstance(value.owner, ir.Block) and value.owner.name in VIEWS:
        value = value.owner.operands[0]
    return value


def _is_computed(value: Any) -> bool:
    return not isinstance(value.owner, ir.Block) and value.owner.name.startswith(COMPUTES)


def _copied(value: Any) -> Any:
    sizes = {"operandSegmentSizes": ir.DenseI32ArrayAttr.get([0, 1, 0])}
    return ir.Operation.create("bufferization.alloc_tensor", [value.type], [value], sizes).result
