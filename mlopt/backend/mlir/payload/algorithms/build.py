"""Loop nests on tensors, as algorithms write them: subscripts are affine expressions over the nest's loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...bindings import ir, linalg

Subscripts = Sequence[Any]
"""Of one tensor, an affine expression a dimension."""

Label = int | str
"""What a loop is called."""

Subscript = Label | tuple[Label, int, Label]
"""A loop, or (a, factor, b) for a * factor + b."""


def loops(count: int) -> list[Any]:
    """The subscripts that are one loop each."""
    return [ir.AffineDimExpr.get(loop) for loop in range(count)]


def copied(source: Any, read: Subscripts, shape: Sequence[int]) -> Any:
    """A tensor of this shape whose element at (i, j, ...) is `source` at the subscripts over loops i, j, ..."""
    kind = ir.RankedTensorType.get(shape, source.type.element_type)
    start = ir.Operation.create("tensor.empty", results=[kind]).result
    return _generic([source], start, [read, loops(len(shape))], 0, lambda element, _: element)


def einsum(
    left: Any,
    right: Any,
    left_subscripts: Sequence[Subscript],
    right_subscripts: Sequence[Subscript],
    labels: Sequence[Label],
    sizes: Mapping[Label, int],
) -> Any:
    """The sum of products of two tensors over all labels but those of the result."""
    both = [*left_subscripts, *right_subscripts]
    mentioned = [label for each in both for label in ((each[0], each[2]) if isinstance(each, tuple) else (each,))]
    sums = [label for label in dict.fromkeys(mentioned) if label not in labels]
    place = {label: ir.AffineDimExpr.get(position) for position, label in enumerate([*labels, *sums])}

    def expression(subscript: Subscript) -> Any:
        if not isinstance(subscript, tuple):
            return place[subscript]
        outer, factor, inner = subscript
        return place[outer] * factor + place[inner]

    kind = ir.RankedTensorType.get([sizes[label] for label in labels], right.type.element_type)
    attributes = {"value": ir.FloatAttr.get(kind.element_type, 0.0)}
    zero = ir.Operation.create("arith.constant", results=[kind.element_type], attributes=attributes).result
    empty = ir.Operation.create("tensor.empty", results=[kind]).result
    start = linalg.fill(zero, outs=[empty])
    reads = [[expression(each) for each in subscripts] for subscripts in (left_subscripts, right_subscripts)]
    return _generic([left, right], start, [*reads, loops(len(labels))], len(sums), _multiply_add)


def _multiply_add(left: Any, right: Any, total: Any) -> Any:
    product = ir.Operation.create("arith.mulf", results=[total.type], operands=[left, right]).result
    return ir.Operation.create("arith.addf", results=[total.type], operands=[total, product]).result


def _generic(
    inputs: Sequence[Any], start: Any, subscripts: Sequence[Subscripts], sums: int, body: Callable[..., Any]
) -> Any:
    """A linalg.generic from `start` on, whose last `sums` loops are reductions; stands where the caller inserts."""
    count = len(subscripts[-1]) + sums
    kinds = ["parallel"] * len(subscripts[-1]) + ["reduction"] * sums
    attributes = {
        "indexing_maps": ir.ArrayAttr.get(
            [ir.AffineMapAttr.get(ir.AffineMap.get(count, 0, list(each))) for each in subscripts]
        ),
        "iterator_types": ir.ArrayAttr.get([ir.Attribute.parse(f"#linalg.iterator_type<{kind}>") for kind in kinds]),
        "operandSegmentSizes": ir.DenseI32ArrayAttr.get([len(inputs), 1]),
    }
    operands = [*inputs, start]
    op = ir.Operation.create(
        "linalg.generic", results=[start.type], operands=operands, attributes=attributes, regions=1
    )
    elements = [ir.RankedTensorType(operand.type).element_type for operand in operands]
    block = ir.Block.create_at_start(op.regions[0], elements, [op.location] * len(elements))
    with ir.InsertionPoint(block):
        result = body(*block.arguments)
        ir.Operation.create("linalg.yield", operands=[result])
    return op.result
