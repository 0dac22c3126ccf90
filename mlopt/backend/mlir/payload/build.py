"""Loop nests on tensors, as rewrites make them: subscripts are affine expressions over the nest's loops."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..bindings import affine, arith, ir, linalg, tensor

Subscripts = Sequence[Any]
"""Of one tensor, an affine expression a dimension."""

Label = int | str
"""What a loop is called."""

Subscript = Label | tuple[Label, int, Label]
"""A loop, or (a, factor, b) for a * factor + b."""


def loops(count: int) -> list[Any]:
    """The subscripts that are one loop each."""
    return [ir.AffineDimExpr.get(loop) for loop in range(count)]


def place(loop: int) -> Any:
    """The iteration of a loop, within a nest's body."""
    dimension = ir.IntegerAttr.get(ir.IntegerType.get_signless(64), loop)
    return ir.Operation.create("linalg.index", [ir.IndexType.get()], attributes={"dim": dimension}).result


def index(value: int) -> Any:
    return arith.constant(ir.IndexType.get(), value)


def copied(source: Any, read: Subscripts, shape: Sequence[int]) -> Any:
    """A tensor of this shape whose element at (i, j, ...) is `source` at the subscripts over loops i, j, ..."""
    kind = ir.RankedTensorType.get(shape, source.type.element_type)
    start = ir.Operation.create("tensor.empty", results=[kind]).result
    return generic([source], start, [read, loops(len(shape))], ["parallel"] * len(shape), lambda element, _: element)


def gathered(value: Any, rows: Sequence[Sequence[int]], offsets: Sequence[int], shape: Sequence[int]) -> Any:
    """A tensor of this shape, whose elements are those of `value` at these subscripts over its own."""

    def read(places: Sequence[Any]) -> list[Any]:
        return [_sum(row, offset, places) for row, offset in zip(rows, offsets, strict=True)]

    return _picked(value, read, shape)


def looked_up(value: Any, subscripts: Subscripts, shape: Sequence[int]) -> Any:
    """The same, at affine expressions over its own subscripts."""

    def read(places: Sequence[Any]) -> list[Any]:
        maps = [ir.AffineMap.get(len(shape), 0, [each]) for each in subscripts]
        return [affine.apply(each, places) for each in maps]

    return _picked(value, read, shape)


def _picked(value: Any, read: Callable[[Sequence[Any]], list[Any]], shape: Sequence[int]) -> Any:
    """A tensor of this shape, whose elements are those of `value` at the places that `read` makes of their own."""

    def body(_: Any) -> Any:
        return tensor.extract(value, read([place(loop) for loop in range(len(shape))]))

    kind = ir.RankedTensorType.get(shape, value.type.element_type)
    start = ir.Operation.create("tensor.empty", results=[kind]).result
    return generic([], start, [loops(len(shape))], ["parallel"] * len(shape), body)


def padded(source: Any, low: Sequence[int], high: Sequence[int]) -> Any:
    """A tensor with so many zeros before and after it, a number a dimension."""
    kind = source.type
    extents = [sum(each) for each in zip(low, kind.shape, high, strict=True)]
    attributes = {
        "static_low": ir.DenseI64ArrayAttr.get(low),
        "static_high": ir.DenseI64ArrayAttr.get(high),
        "operandSegmentSizes": ir.DenseI32ArrayAttr.get([1, 0, 0]),
    }
    zero = arith.constant(kind.element_type, 0.0)
    result = ir.RankedTensorType.get(extents, kind.element_type)
    op = ir.Operation.create("tensor.pad", [result], [source], attributes, regions=1)
    places = [ir.IndexType.get()] * len(extents)
    with ir.InsertionPoint(ir.Block.create_at_start(op.regions[0], places, [op.location] * len(extents))):
        ir.Operation.create("tensor.yield", operands=[zero])
    return op.result


def section(source: Any, starts: Sequence[int], sizes: Sequence[int]) -> Any:
    """So many elements of a tensor along each dimension, from one on."""
    attributes = {
        "static_offsets": ir.DenseI64ArrayAttr.get(starts),
        "static_sizes": ir.DenseI64ArrayAttr.get(sizes),
        "static_strides": ir.DenseI64ArrayAttr.get([1] * len(sizes)),
        "operandSegmentSizes": ir.DenseI32ArrayAttr.get([1, 0, 0, 0]),
    }
    kind = ir.RankedTensorType.get(sizes, source.type.element_type)
    return ir.Operation.create("tensor.extract_slice", [kind], [source], attributes).result


def covered(source: Any, read: Subscripts, sizes: Sequence[int]) -> Any:
    """`source` without what lies beyond loops of these sizes.

    In linalg, a loop that is a subscript by itself walks through all of a dimension.
    """
    extents = zip(read, source.type.shape, strict=True)
    ends = [sizes[each.position] if isinstance(each, ir.AffineDimExpr) else extent for each, extent in extents]
    return source if ends == list(source.type.shape) else section(source, [0] * len(ends), ends)


def join(value: Any, groups: Sequence[Sequence[int]]) -> Any:
    """A tensor with one dimension for each of these groups of neighbouring ones."""
    integer = ir.IntegerType.get_signless(64)
    attributes = {
        "reassociation": ir.ArrayAttr.get(
            [ir.ArrayAttr.get([ir.IntegerAttr.get(integer, each) for each in group]) for group in groups]
        )
    }
    shape = [math.prod(value.type.shape[each] for each in group) for group in groups]
    kind = ir.RankedTensorType.get(shape, value.type.element_type)
    return ir.Operation.create("tensor.collapse_shape", [kind], [value], attributes).result


def unfold(value: Any, dimension: int, parts: int) -> Any:
    """A tensor with two dimensions in place of one: so many parts, and what is in each."""
    shape, integer = list(value.type.shape), ir.IntegerType.get_signless(64)
    new = [*shape[:dimension], parts, shape[dimension] // parts, *shape[dimension + 1 :]]
    before, after = range(dimension), range(dimension + 2, len(new))
    groups = [*([each] for each in before), [dimension, dimension + 1], *([each] for each in after)]
    attributes = {
        "reassociation": ir.ArrayAttr.get(
            [ir.ArrayAttr.get([ir.IntegerAttr.get(integer, each) for each in group]) for group in groups]
        ),
        "static_output_shape": ir.DenseI64ArrayAttr.get(new),
    }
    kind = ir.RankedTensorType.get(new, value.type.element_type)
    return ir.Operation.create("tensor.expand_shape", [kind], [value], attributes).result


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
    reads = [[expression(each) for each in subscripts] for subscripts in (left_subscripts, right_subscripts)]
    kinds = [*(["parallel"] * len(labels)), *(["reduction"] * len(sums))]
    return generic([left, right], zeros(kind), [*reads, loops(len(labels))], kinds, multiply_add)


def zeros(kind: Any) -> Any:
    """A tensor of this type, cleared."""
    return filled(kind, ir.FloatAttr.get(kind.element_type, 0.0))


def filled(kind: Any, number: Any) -> Any:
    """A tensor of this type that holds a number, given as an attribute, throughout."""
    value = ir.Operation.create("arith.constant", results=[kind.element_type], attributes={"value": number}).result
    empty = ir.Operation.create("tensor.empty", results=[kind]).result
    return linalg.fill(value, outs=[empty])


def multiply_add(left: Any, right: Any, total: Any) -> Any:
    """A term of a sum of products, and the sum so far."""
    product = ir.Operation.create("arith.mulf", results=[total.type], operands=[left, right]).result
    return ir.Operation.create("arith.addf", results=[total.type], operands=[total, product]).result


def generic(
    inputs: Sequence[Any], start: Any, subscripts: Sequence[Subscripts], kinds: Sequence[str], body: Callable[..., Any]
) -> Any:
    """The result of a linalg.generic that begins with `start`; stands where the caller inserts.

    `subscripts` are those of the inputs, then of the result; `kinds` says of each loop whether it is parallel or a
    reduction; `body` makes an element of the result from elements of the inputs and of what the result was.
    """
    operands = [*inputs, start]
    maps = [ir.AffineMap.get(len(kinds), 0, list(each)) for each in subscripts]
    attributes = {
        "indexing_maps": ir.ArrayAttr.get([ir.AffineMapAttr.get(each) for each in maps]),
        "iterator_types": ir.ArrayAttr.get([ir.Attribute.parse(f"#linalg.iterator_type<{kind}>") for kind in kinds]),
        "operandSegmentSizes": ir.DenseI32ArrayAttr.get([len(inputs), 1]),
    }
    op = ir.Operation.create("linalg.generic", [start.type], operands, attributes, regions=1)
    elements = [ir.RankedTensorType(operand.type).element_type for operand in operands]
    block = ir.Block.create_at_start(op.regions[0], elements, [op.location] * len(elements))
    with ir.InsertionPoint(block):
        ir.Operation.create("linalg.yield", operands=[body(*block.arguments)])
    return op.result


def _sum(row: Sequence[int], offset: int, places: Sequence[Any]) -> Any:
    """A subscript, computed."""
    total = index(offset)
    for factor, each in zip(row, places, strict=True):
        if factor:
            total = arith.addi(total, arith.muli(each, index(factor)))
    return total
