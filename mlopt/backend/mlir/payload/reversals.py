"""Subscripts that run backwards: loops and tensors are turned round, so that no coefficient is negative.

A block of iterations reads the elements from that of its first iteration on: so tiling, fusion and vectors have it, in
MLIR and here. Where a result is written backwards, or a sum slides backwards along a window, as in a convolution in the
strict sense, the loop runs the other way. What is still read backwards is read from a copy that lies forwards; merged
into a reader that takes every element once, the copy is no more than a subscript.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..bindings import arith, ir
from .build import gathered, index
from .describe import describe
from .nest import Access, LoopNest, Row
from .walk import operations


def straighten(module: Any) -> None:
    """Rewrite what linalg.generic operations read or write backwards, in place. Needs an active context."""
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        nest = describe(op)
        if not any(_is_backward(row) for access in (*nest.inputs, *nest.outputs) for row in access.rows):
            continue
        for loop in _turning(nest):
            _turn(op, loop)
        for position, access in enumerate(describe(op).inputs):
            if any(map(_is_backward, access.rows)):
                _copy(op, position)


def _is_backward(row: Row) -> bool:
    return min(row, default=0) < 0


def _turning(nest: LoopNest) -> list[int]:
    """The loops to run the other way: along results, and those of sums in a subscript with loops that run forwards."""
    found = {loop for access in nest.outputs for row in access.rows for loop, each in enumerate(row) if each < 0}
    mixed = [row for access in nest.inputs for row in access.rows if _is_backward(row) and max(row) > 0]
    sums = nest.reductions if nest.combines else frozenset[int]()
    return sorted(found.union(loop for row in mixed for loop in sums if row[loop] < 0))


def _turn(op: Any, loop: int) -> None:
    """Let a loop run from its last iteration to its first."""
    nest = describe(op)
    last = nest.sizes[loop] - 1
    maps = []
    for access in (*nest.inputs, *nest.outputs):
        rows = [[-each if own == loop else each for own, each in enumerate(row)] for row in access.rows]
        ends = [offset + row[loop] * last for row, offset in zip(access.rows, _offsets(access), strict=True)]
        maps.append(_map(len(nest.sizes), rows, ends))
    _set_maps(op, maps)
    for count in [each for each in operations(op) if each.name == "linalg.index"]:
        if ir.IntegerAttr(count.attributes["dim"]).value == loop:
            with ir.InsertionPoint(count), count.location:
                turned = arith.subi(index(last), count.results[0])
            turned.owner.move_after(count)
            count.results[0].replace_all_uses_except(turned, turned.owner.operation)


def _copy(op: Any, position: int) -> None:
    """Let an operand be read from a copy that lies forwards.

    It is turned along the dimensions that are read backwards alone; one in which loops run both ways is spread over the
    loops.
    """
    nest = describe(op)
    access, count = nest.inputs[position], len(nest.sizes)
    maps = [_map(count, each.rows, _offsets(each)) for each in (*nest.inputs, *nest.outputs)]
    if any(_is_backward(row) and max(row) > 0 for row in access.rows):
        varying = [loop for loop in range(count) if access.varies_with(loop)]
        shape: Sequence[int] = [nest.sizes[loop] for loop in varying]
        rows: Sequence[Sequence[int]] = [[row[loop] for loop in varying] for row in access.rows]
        offsets = _offsets(access)
        maps[position] = ir.AffineMap.get(count, 0, [ir.AffineDimExpr.get(loop) for loop in varying])
    else:
        shape = access.shape
        signs = [-1 if _is_backward(row) else 1 for row in access.rows]
        rows = [[sign * (own == each) for each in range(len(shape))] for own, sign in enumerate(signs)]
        offsets = [size - 1 if sign < 0 else 0 for size, sign in zip(shape, signs, strict=True)]
        turned = [[sign * each for each in row] for row, sign in zip(access.rows, signs, strict=True)]
        ends = [end + sign * each for end, sign, each in zip(offsets, signs, _offsets(access), strict=True)]
        maps[position] = _map(count, turned, ends)
    with ir.InsertionPoint(op), op.location:
        op.operands[position] = gathered(op.operands[position], rows, offsets, shape)
    _set_maps(op, maps)


def _offsets(access: Access) -> Sequence[int]:
    return access.offsets or [0] * len(access.rows)


def _map(count: int, rows: Sequence[Sequence[int]], offsets: Sequence[int]) -> Any:
    """The map over so many loops with these coefficients, in MLIR's usual form."""
    results = []
    for row, offset in zip(rows, offsets, strict=True):
        terms = [ir.AffineDimExpr.get(loop) * each for loop, each in enumerate(row) if each]
        results.append(sum(terms, ir.AffineConstantExpr.get(0)) + offset)
    return ir.AffineMap.get(count, 0, results)


def _set_maps(op: Any, maps: Sequence[Any]) -> None:
    op.attributes["indexing_maps"] = ir.ArrayAttr.get([ir.AffineMapAttr.get(each) for each in maps])
