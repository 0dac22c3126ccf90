"""Programs on bfloat16 compute in float32: what they read is widened before, what they result in rounded at the end."""

from __future__ import annotations

from typing import Any

from ..bindings import ir
from .nest import NARROW, WIDEN, describe, operations


def widen_products(module: Any) -> None:
    """Widen the operands of products before them, not in their bodies, in place. Needs an active context.

    So each element is widened once, and not each time that it is read.
    """
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic" and describe(op).is_product]:
        body = op.regions[0].blocks[0]
        for widening in [each.operation for each in body.operations if each.operation.name == WIDEN]:
            argument, wide = widening.operands[0], widening.results[0]
            position, tensor = argument.arg_number, op.operands[argument.arg_number]
            with ir.InsertionPoint(op), op.location:
                kind = ir.RankedTensorType.get(ir.RankedTensorType(tensor.type).shape, wide.type)
                op.operands[position] = ir.Operation.create(WIDEN, results=[kind], operands=[tensor]).results[0]
            argument.set_type(wide.type)
            wide.replace_all_uses_with(argument)
            widening.erase()


def is_widened(tensor: Any) -> bool:
    """Whether a tensor is what a linalg.generic makes of another one by widening each element."""
    owner = tensor.owner
    return not isinstance(owner, ir.Block) and owner.name == "linalg.generic" and describe(owner).operations == (WIDEN,)


def is_final_rounding(op: Any) -> bool:
    """Whether a linalg.generic only rounds what is returned then."""
    return describe(op).operations == (NARROW,) and all(u.owner.name == "func.return" for u in op.results[0].uses)
