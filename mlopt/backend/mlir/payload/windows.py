"""Reductions over windows, such as pooling: one direction after the other.

The maximum of k by l elements is the maximum along rows of l of the maxima along columns of k: k + l steps in place of
k l, and the first of them on neighbouring elements, however far the windows are apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..bindings import ir, linalg
from .build import generic
from .describe import IDEMPOTENT, describe
from .nest import LoopNest, Row
from .walk import is_zero, made_by, operations

SUMS = ("arith.addf", "arith.addi")
"""What may start twice from zero."""


def separate_windows(module: Any) -> None:
    """Split each reduction over windows of several dimensions into two, where that saves work or strided reads.

    Needs an active context.
    """
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        nest = describe(op)
        plain = len(nest.outputs) == 1 and nest.outputs[0].is_projection and _is_plain(op)
        if plain and (found := _window(nest)) is not None:
            _separate(op, nest, *found)


def _is_plain(op: Any) -> bool:
    """Whether the body takes an input and the result so far, and may start from the same value twice."""
    block = op.regions[0].blocks[0]
    body, start = list(block.operations), made_by(op.operands[len(op.operands) - 1], "linalg.fill")
    if len(body) != 2 or start is None:
        return False
    maps = [ir.AffineMapAttr(each).value for each in op.attributes["indexing_maps"]]
    if any(_has_offset(result) for each in maps for result in each.results):
        return False
    if sorted(each.arg_number for each in map(ir.BlockArgument, body[0].operands)) != [0, len(block.arguments) - 1]:
        return False
    kind = body[0].operation.name
    return kind in IDEMPOTENT or (kind in SUMS and is_zero(start.operands[0]))


def _has_offset(expression: Any) -> bool:
    """Whether a subscript is more than a sum of loops."""
    if isinstance(expression, ir.AffineAddExpr):
        return _has_offset(expression.lhs) or _has_offset(expression.rhs)
    return isinstance(expression, ir.AffineConstantExpr) and expression.value != 0


def _window(nest: LoopNest) -> tuple[int, int, int] | None:
    """(subscript, parallel loop, reduction loop) of the window to be reduced last; None where there is none."""
    source = nest.inputs[0]
    for position, row in reversed(list(enumerate(source.rows))):
        loops = [loop for loop, coefficient in enumerate(row) if coefficient]
        sums = [loop for loop in loops if loop in nest.reductions]
        if len(loops) != 2 or len(sums) != 1 or any(sum(map(bool, c)) > 1 for c in _columns(source.rows, loops)):
            continue
        (window,), (along,) = sums, [loop for loop in loops if loop not in sums]
        others = math.prod(nest.sizes[loop] for loop in nest.reductions if loop != window)
        one, both = others * source.shape[position] + nest.sizes[along] * nest.sizes[window], others * nest.sizes[along]
        strided = row[along] > 1 and position == len(source.rows) - 1
        if others > 1 and (strided or one < both * nest.sizes[window]):
            return position, along, window
    return None


def _columns(rows: Sequence[Row], loops: Sequence[int]) -> list[list[int]]:
    return [[row[loop] for row in rows] for loop in loops]


def _separate(op: Any, nest: LoopNest, position: int, along: int, window: int) -> None:
    """First over the other windows at every place `along` a row, then over `window`."""
    source, start = op.operands[0], op.operands[len(op.operands) - 1]
    rows, written = nest.inputs[0].rows, nest.outputs[0].rows
    count = len(nest.sizes)
    unit = tuple(int(loop == along) for loop in range(count))
    place = next(index for index, row in enumerate(written) if row[along])
    extents = [*nest.outputs[0].shape[:place], nest.inputs[0].shape[position], *nest.outputs[0].shape[place + 1 :]]
    others = [loop for loop in range(count) if loop != window]
    inner = [loop for loop in range(count) if loop not in nest.reductions or loop == window]
    with ir.InsertionPoint(op), op.location:
        kind = ir.RankedTensorType.get(extents, op.results[0].type.element_type)
        empty = ir.Operation.create("tensor.empty", results=[kind])
        clear = linalg.fill(start.owner.operands[0], outs=[empty.results[0]])
        first = [unit if index == position else row for index, row in enumerate(rows)]
        rest = [loop for loop in others if loop in nest.reductions]
        partial = _reduce(op, nest, source, clear, others, first, written, rest)
        second = [rows[position] if index == place else row for index, row in enumerate(written)]
        whole = _reduce(op, nest, partial, start, inner, second, written, [window])
    op.results[0].replace_all_uses_with(whole)
    op.erase()


def _reduce(
    op: Any,
    nest: LoopNest,
    source: Any,
    start: Any,
    loops: Sequence[int],
    reads: Sequence[Row],
    writes: Sequence[Row],
    sums: Sequence[int],
) -> Any:
    """A reduction over some of the loops of `op`, by its arithmetic."""
    element = source.type.element_type
    window = ir.RankedTensorType.get([nest.sizes[loop] for loop in sums], element)
    shape = ir.Operation.create("tensor.empty", results=[window]).results[0]  # says how far the sums go
    units = [tuple(int(each == loop) for each in range(len(nest.sizes))) for loop in sums]
    subscripts = [_subscripts(rows, loops) for rows in (reads, units, writes)]
    kinds = ["reduction" if loop in sums else "parallel" for loop in loops]

    def body(term: Any, _: Any, total: Any) -> Any:
        step = op.regions[0].blocks[0].operations[0].operation.clone()
        step.operands[0], step.operands[1] = term, total
        return step.results[0]

    return generic([source, shape], start, subscripts, kinds, body)


def _subscripts(rows: Sequence[Row], loops: Sequence[int]) -> list[Any]:
    """These subscripts as expressions, on some of the loops, counted anew."""
    results = []
    for row in rows:
        terms = [ir.AffineDimExpr.get(new) * row[loop] for new, loop in enumerate(loops) if row[loop]]
        results.append(sum(terms[1:], terms[0]) if terms else ir.AffineConstantExpr.get(0))
    return results
