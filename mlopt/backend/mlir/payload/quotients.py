"""Subscripts with quotients and remainders of loops, as of an image that is enlarged by repeating its pixels.

Everything else knows subscripts as sums of loops. So what is read at others is looked up, element by element, into a
copy that lies as it is read; merged into its reader, the copy is no more than the subscript.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ....core.errors import UserError
from ..bindings import ir
from .build import Subscripts, looked_up
from .walk import operations

DIVISIONS = (ir.AffineFloorDivExpr, ir.AffineCeilDivExpr, ir.AffineModExpr)


def look_up_quotients(module: Any, origin: str) -> None:
    """Rewrite what linalg.generic operations read at quotients and remainders, in place. Needs an active context.

    Raises UserError, naming `origin`, where something is written there, or read by another operation.
    """
    for op in [op for op in operations(module.operation) if "indexing_maps" in op.attributes]:
        maps = [ir.AffineMapAttr(each).value for each in op.attributes["indexing_maps"]]
        divided = [position for position, each in enumerate(maps) if any(map(_divides, each.results))]
        if any(op.name != "linalg.generic" or position >= len(op.opview.inputs) for position in divided):
            raise UserError(f"{origin}: {op.name} has the subscripts {maps[divided[-1]]}; it needs sums of loops")
        if divided:
            sizes = _sizes(maps, op.operands)
            for position in divided:
                maps[position] = _look_up(op, position, maps[position], sizes)
            op.attributes["indexing_maps"] = ir.ArrayAttr.get([ir.AffineMapAttr.get(each) for each in maps])


def _look_up(op: Any, position: int, access: Any, sizes: dict[int, int]) -> Any:
    """Let an operand be read from a copy that is spread over the loops that it varies with; returns how."""
    count = access.n_dims
    varying = sorted({loop for each in access.results for loop in _loops(each)})
    zero = ir.AffineConstantExpr.get(0)
    own = [ir.AffineDimExpr.get(varying.index(loop)) if loop in varying else zero for loop in range(count)]
    places = ir.AffineMap.get(len(varying), 0, own)
    read: Subscripts = [each.compose(places) for each in access.results]
    with ir.InsertionPoint(op), op.location:
        op.operands[position] = looked_up(op.operands[position], read, [sizes[loop] for loop in varying])
    return ir.AffineMap.get(count, 0, [ir.AffineDimExpr.get(loop) for loop in varying])


def _sizes(maps: Sequence[Any], operands: Sequence[Any]) -> dict[int, int]:
    """Iterations of each loop, from a tensor that it indexes alone; linalg sees to it that there is one."""
    return {
        subscript.position: extent
        for access, value in zip(maps, operands, strict=True)
        if access.results
        for subscript, extent in zip(access.results, value.type.shape, strict=True)
        if isinstance(subscript, ir.AffineDimExpr)
    }


def _divides(expression: Any) -> bool:
    return isinstance(expression, DIVISIONS) or any(map(_divides, _parts(expression)))


def _loops(expression: Any) -> Iterator[int]:
    """The loops that an expression speaks of."""
    if isinstance(expression, ir.AffineDimExpr):
        yield expression.position
    for part in _parts(expression):
        yield from _loops(part)


def _parts(expression: Any) -> Sequence[Any]:
    return (expression.lhs, expression.rhs) if isinstance(expression, ir.AffineBinaryExpr) else ()
