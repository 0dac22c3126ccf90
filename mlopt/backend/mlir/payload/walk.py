"""Ways through a module: what stands in it, and what a value is made by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..bindings import ir


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


def symbol(op: Any) -> str:
    """The name of a function, or of whatever else has one."""
    return str(ir.StringAttr(op.attributes["sym_name"]).value)


def made_by(value: Any, name: str) -> Any | None:
    """The operation that a value is the result of, if it is one of this name."""
    owner = value.owner
    return None if isinstance(owner, ir.Block) or owner.name != name else owner


def is_zero(value: Any) -> bool:
    """Whether a scalar is the constant zero."""
    constant = made_by(value, "arith.constant")
    return constant is not None and float(constant.opview.literal_value) == 0.0
