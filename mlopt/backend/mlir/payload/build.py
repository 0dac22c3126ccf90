"""Loop nests on tensors, as rewrites make them: subscripts are affine expressions over the nest's loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..bindings import arith, ir, linalg

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
    attributes = {"value": ir.FloatAttr.get(kind.element_type, 0.0)}
    zero = ir.Operation.create("arith.constant", results=[kind.element_type], attributes=attributes).result
    empty = ir.Operation.create("tensor.empty", results=[kind]).result
    return linalg.fill(zero, outs=[empty])


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
