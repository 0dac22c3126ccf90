"""Sums over everything: in parts of which each can be summed by itself, and then over the parts.

What has no other result than one number, or a few, has no loop that could be cut into blocks for several threads, nor
rows that could be read side by side.
"""

from __future__ import annotations

import math
from typing import Any

from ..bindings import arith, ir, linalg, tensor
from .build import generic, loops, unfold
from .describe import IDEMPOTENT, describe
from .nest import LoopNest
from .walk import made_by, operations

FEW = 8
"""Results, fewer of which are too few to be computed side by side."""

MOST_PARTS = 64
LEAST_TERMS = 1 << 10
"""Of a part. A sum of fewer parts, or of smaller ones, gains nothing."""

SUMS = ("arith.addf", "arith.addi")
"""What starts from zero in every part."""


def sum_in_parts(module: Any) -> None:
    """Give each reduction with few results and many terms, read from arguments, a parallel loop over parts of them.

    The outermost reduction loop is cut. Needs an active context.
    """
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        nest = describe(op)
        if nest.is_product and nest.parallel:
            continue  # products have ways of their own
        if _can_be_cut(op, nest) and (parts := _parts(nest)):
            _cut(op, nest, parts)


def _parts(nest: LoopNest) -> int:
    """In how many parts the outermost reduction loop is cut, whole eights where possible; 0 for not at all."""
    if math.prod(nest.sizes[loop] for loop in nest.parallel) >= FEW:
        return 0
    size, terms = nest.sizes[min(nest.reductions)], math.prod(nest.sizes[loop] for loop in nest.reductions)
    most = min(MOST_PARTS, terms // LEAST_TERMS)
    fits = [parts for parts in range(FEW, most + 1) if size % parts == 0]
    return max(fits, key=lambda parts: (math.gcd(parts, FEW), parts), default=0)


def _can_be_cut(op: Any, nest: LoopNest) -> bool:
    """Whether parts of the sum may be summed by themselves, and what is summed lies in memory when the nest begins."""
    if not (nest.reductions and nest.combines and not nest.enclosed and len(nest.outputs) == 1):
        return False
    (output,) = nest.outputs
    if not (output.is_projection and all(map(any, output.rows))):
        return False
    if any(each.name == "linalg.index" for each in operations(op)):
        return False
    *terms, start = op.operands
    kind = _combiner(op).name
    if kind not in SUMS and not (kind in IDEMPOTENT and made_by(start, "linalg.fill")):
        return False
    cut = min(nest.reductions)
    walked = [(value, access) for value, access in zip(terms, nest.inputs, strict=True) if access.varies_with(cut)]
    return all(access.plain(cut) is not None and _is_given(value) for value, access in walked)


def _is_given(value: Any) -> bool:
    return isinstance(value.owner, ir.Block) or value.owner.name == "arith.constant"


def _combiner(op: Any) -> Any:
    """The operation that combines a term with the result so far."""
    return list(op.regions[0].blocks[0].operations)[-1].operands[0].owner


def _cut(op: Any, nest: LoopNest, parts: int) -> None:
    """Put a parallel loop over the parts before the others, and combine the results of the parts afterwards."""
    cut, combiner, kind = min(nest.reductions), _combiner(op), op.results[0].type
    *terms, start = op.operands
    place = _place(nest, cut)
    subscripts = loops(1 + len(kind.shape))
    kept = [*subscripts[:place], *subscripts[place + 1 :]]
    shape, kinds = list(kind.shape), ["parallel"] * len(kind.shape)
    shape.insert(place, parts)
    kinds.insert(place, "reduction")
    with ir.InsertionPoint(op), op.location:
        dimensions = [access.plain(cut) for access in nest.inputs]
        terms = [
            value if dimension is None else unfold(value, dimension, parts)
            for value, dimension in zip(terms, dimensions, strict=True)
        ]
        number = start.owner.operands[0] if combiner.name in IDEMPOTENT else _zero(kind.element_type)
        empty = tensor.empty(shape, kind.element_type)
        part = op.clone()
        for position, value in enumerate([*terms, linalg.fill(number, outs=[empty])]):
            part.operands[position] = value
        part.move_before(op)
        part.results[0].set_type(empty.type)
        part.attributes["indexing_maps"] = _in_parts(op, nest, cut, place)
        parallel = ir.Attribute.parse("#linalg.iterator_type<parallel>")
        part.attributes["iterator_types"] = ir.ArrayAttr.get([parallel, *op.attributes["iterator_types"]])
        total = generic(
            [part.results[0]],
            start,
            [subscripts, kept],
            kinds,
            lambda term, total: ir.Operation.create(combiner.name, [total.type], [term, total]).result,
        )
    op.results[0].replace_all_uses_with(total)
    op.erase()


def _zero(kind: Any) -> Any:
    return arith.constant(kind, 0.0 if isinstance(kind, ir.FloatType) else 0)


def _place(nest: LoopNest, cut: int) -> int:
    """The subscript of the part in what is written: among the others, as they are read."""
    read = next(access for access in nest.inputs if access.varies_with(cut))
    before = [loop for row in read.rows[: read.plain(cut)] for loop, coefficient in enumerate(row) if coefficient]
    written = [row.index(1) for row in nest.outputs[0].rows]
    return next((place for place, loop in enumerate(written) if loop not in before), len(written))


def _in_parts(op: Any, nest: LoopNest, cut: int, place: int) -> Any:
    """An operation's indexing maps, after a loop over parts was put before its others."""
    count = len(nest.sizes)
    part, *others = loops(1 + count)
    maps = [ir.AffineMapAttr(each).value for each in op.attributes["indexing_maps"]]
    moved = [[each.compose(ir.AffineMap.get(1 + count, 0, others)) for each in access.results] for access in maps]
    for subscripts, access in zip(moved, nest.inputs, strict=False):
        if (dimension := access.plain(cut)) is not None:
            subscripts.insert(dimension, part)
    moved[-1].insert(place, part)
    return ir.ArrayAttr.get([ir.AffineMapAttr.get(ir.AffineMap.get(1 + count, 0, each)) for each in moved])
