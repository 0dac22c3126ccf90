"""Products in windows that move by several elements, such as strided depthwise convolutions: terms are written out.

Neighbouring results of such a window read elements that are further apart, which no load of a vector holds. LLVM reads
all that lies between and shuffles it, if a loop along the result's vectors is innermost and computes all that needs
neighbouring elements. So the terms of a window become one expression.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..bindings import ir
from .build import generic, multiply_add
from .describe import describe
from .nest import LoopNest
from .product import contract, in_register_tiles
from .walk import made_by, operations

MOST_TERMS = 9
"""In one expression; LLVM does not make vectors of 25."""


def write_out_strides(module: Any) -> None:
    """Make expressions of windows that move along vectors by several elements, in place. Needs an active context."""
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        nest = describe(op)
        if nest.is_product and not in_register_tiles(nest) and (windows := _windows(nest)):
            _write_out(op, nest, windows)


def _windows(nest: LoopNest) -> tuple[int, ...]:
    """The sums that become an expression, that over neighbouring elements first; none where no window moves so."""
    along = nest.outputs[0].innermost()
    if along is None:
        return ()
    strided = [access.rows[-1] for access in nest.inputs if access.rows and access.rows[-1][along] > 1]
    slides = tuple({loop for row in strided for loop in nest.reductions if row[loop]})
    if len(slides) != 1 or nest.sizes[slides[0]] > MOST_TERMS:
        return ()
    found = (*slides, *sorted(nest.reductions.difference(slides)))
    counts = range(1, len(found) + 1)
    return found[: max(n for n in counts if math.prod(nest.sizes[loop] for loop in found[:n]) <= MOST_TERMS)]


def _write_out(op: Any, nest: LoopNest, windows: Sequence[int]) -> None:
    """Give every term of these sums operands of its own."""
    kept = [loop for loop in range(len(nest.sizes)) if loop not in windows]
    kinds = ["reduction" if loop in nest.reductions else "parallel" for loop in kept]
    maps = [ir.AffineMapAttr(each).value for each in op.attributes["indexing_maps"]]
    *sources, start = op.operands
    taps = [dict(zip(windows, tap, strict=True)) for tap in itertools.product(*(range(nest.sizes[w]) for w in windows))]
    clear = None if "reduction" in kinds else made_by(start, "linalg.fill")

    def body(*arguments: Any) -> Any:
        *elements, total = arguments
        if clear:  # what is written once is not read
            total = clear.operands[0]
        for left, right in zip(elements[::2], elements[1::2], strict=True):
            total = multiply_add(left, right, total)
        return total

    with ir.InsertionPoint(op), op.location:
        if clear:
            start = ir.Operation.create("tensor.empty", results=[start.type]).result
        subscripts = [_at(access, tap, kept) for tap in taps for access in maps[:-1]]
        result = generic(sources * len(taps), start, [*subscripts, _at(maps[-1], taps[0], kept)], kinds, body)
    contract(result.owner)
    op.results[0].replace_all_uses_with(result)
    op.erase()


def _at(access: Any, tap: Mapping[int, int], kept: Sequence[int]) -> list[Any]:
    """The subscripts of a map at one term, over the loops that are kept."""
    places = [
        ir.AffineConstantExpr.get(tap[loop]) if loop in tap else ir.AffineDimExpr.get(kept.index(loop))
        for loop in range(access.n_dims)
    ]
    substitution = ir.AffineMap.get(len(kept), 0, places)
    return [each.compose(substitution) for each in access.results]
