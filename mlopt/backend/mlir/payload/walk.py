"""Ways through a module: what stands in it, and what a value is made by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..bindings import ir
from .names import NARROW, WIDEN


def operations(operation: Any) -> Iterator[Any]:
    """What is nested in an operation, in program order, innermost first."""
    for region in operation.regions:
        for block in region:
            for op in block.operations:
                yield from operations(op.operation)
                yield op.operation


def entry(module: Any) -> Any:
    """A module's first function, which others may call, and which constants may stand before."""
    return next(op for op in module.body.operations if op.operation.name == "func.func" and op.regions[0].blocks)


def duplicate(module: Any) -> Any:
    """A module of its own with the same functions. Needs an active context."""
    copy = ir.Module.create()
    for op in module.body.operations:
        copy.body.append(op.operation.clone())
    return copy


def symbol(op: Any) -> str:
    """The name of a function, or of whatever else has one."""
    return str(ir.StringAttr(op.attributes["sym_name"]).value)


def made_by(value: Any, name: str) -> Any | None:
    """The operation that a value is the result of, if it is one of this name."""
    owner = value.owner
    return None if isinstance(owner, ir.Block) or owner.name != name else owner


def is_zero(value: Any) -> bool:
    """Whether a scalar is the constant zero, in whatever width it was written."""
    while cast := made_by(value, WIDEN) or made_by(value, NARROW):
        value = cast.operands[0]
    constant = made_by(value, "arith.constant")
    return constant is not None and float(constant.opview.literal_value) == 0.0


def is_cleared(tensor: Any) -> bool:
    """Whether a tensor holds zeros alone."""
    if fill := made_by(tensor, "linalg.fill"):
        return is_zero(fill.operands[0])
    constant = made_by(tensor, "arith.constant")
    number = constant and throughout(constant)
    return isinstance(number, ir.FloatAttr) and number.value == 0.0


def throughout(constant: Any) -> Any | None:
    """The number, an attribute, that a constant tensor holds throughout; None where it holds several."""
    value = constant.attributes["value"]
    dense = isinstance(value, (ir.DenseFPElementsAttr, ir.DenseIntElementsAttr))
    return value.get_splat_value() if dense and value.is_splat else None
