"""Subscripts with quotients and remainders of loops, as of an image that is enlarged by repeating its pixels.

Everything else knows subscripts as sums of loops. So what is read at others is read from a copy that lies as it is
read; merged into its reader, the copy is no more than the subscript. Where a loop is divided by what divides its
length, the copy has two loops in its place, for the quotient and the remainder. Else each element is looked up.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from ....core.errors import UserError
from ..bindings import ir
from .build import Subscripts, copied, covered, join, looked_up
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
    read = ir.AffineMap.get(len(varying), 0, [each.compose(places) for each in access.results]).results
    value, shape = op.operands[position], [sizes[loop] for loop in varying]
    with ir.InsertionPoint(op), op.location:
        op.operands[position] = _spread(value, read, shape) or looked_up(value, read, shape)
    return ir.AffineMap.get(count, 0, [ir.AffineDimExpr.get(loop) for loop in varying])


def _spread(value: Any, read: Subscripts, shape: Sequence[int]) -> Any | None:
    """A tensor of this shape with the elements of `value` at these subscripts, by a nest whose loops are split.

    None where more than a loop is divided, or by what does not divide its length, or by several numbers.
    """
    divisors = [1] * len(shape)
    for division in (each for subscript in read for each in _divisions(subscript)):
        if not isinstance(division.lhs, ir.AffineDimExpr) or isinstance(division, ir.AffineCeilDivExpr):
            return None
        loop, divisor = division.lhs.position, division.rhs.value
        if divisors[loop] not in (1, divisor) or shape[loop] % divisor:
            return None
        divisors[loop] = divisor
    count = itertools.count()
    groups = [[next(count) for _ in range(1 if divisor == 1 else 2)] for divisor in divisors]
    parts = [
        [size // divisor, divisor][: len(group)] for size, divisor, group in zip(shape, divisors, groups, strict=True)
    ]

    def split(expression: Any) -> Any:
        if isinstance(expression, ir.AffineDimExpr):
            quotient, *rest = map(ir.AffineDimExpr.get, groups[expression.position])
            return quotient * divisors[expression.position] + rest[0] if rest else quotient
        if isinstance(expression, DIVISIONS):
            quotient, rest = map(ir.AffineDimExpr.get, groups[expression.lhs.position])
            return rest if isinstance(expression, ir.AffineModExpr) else quotient
        if isinstance(expression, ir.AffineAddExpr):
            return split(expression.lhs) + split(expression.rhs)
        if isinstance(expression, ir.AffineMulExpr):
            return split(expression.lhs) * split(expression.rhs)
        return expression

    sizes = [size for part in parts for size in part]
    subscripts = ir.AffineMap.get(len(sizes), 0, [split(each) for each in read]).results
    return join(copied(covered(value, subscripts, sizes), subscripts, sizes), groups)


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
    return next(_divisions(expression), None) is not None


def _divisions(expression: Any) -> Iterator[Any]:
    """The outermost ones in an expression."""
    if isinstance(expression, DIVISIONS):
        yield expression
        return
    for part in _parts(expression):
        yield from _divisions(part)


def _loops(expression: Any) -> Iterator[int]:
    """The loops that an expression speaks of."""
    if isinstance(expression, ir.AffineDimExpr):
        yield expression.position
    for part in _parts(expression):
        yield from _loops(part)


def _parts(expression: Any) -> Sequence[Any]:
    return (expression.lhs, expression.rhs) if isinstance(expression, ir.AffineBinaryExpr) else ()
