"""Reads the loop nests of a program from its linalg operations."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Sequence
from typing import Any

from ....core.errors import UserError
from ..bindings import ir
from .names import INSIDE, TAG
from .nest import Access, LoopNest, Row
from .walk import made_by, operations

MOST_COEFFICIENTS = 1024
"""Elements of a constant that is always at hand."""

IDEMPOTENT = tuple(f"arith.{each}{kind}" for each in ("max", "min") for kind in ("imumf", "numf", "si", "ui"))
"""What a reduction may combine a term with twice."""
COMBINERS = (*IDEMPOTENT, *(f"arith.{each}" for each in ("addf", "mulf", "addi", "muli", "andi", "ori", "xori")))
"""What a reduction may combine its terms with in any order."""

CHEAP = ("linalg.yield", "linalg.index", "arith.constant")
"""What a body may hold without computing anything."""


def read(module: Any) -> tuple[LoopNest, ...]:
    """The nests of a program in program order; each operation is given its tag."""
    nests: list[LoopNest] = []
    found = [op for op in operations(module.operation) if op.name in ("linalg.generic", "linalg.fill")]
    for op in found:
        nests.append(describe(op, [nest.tag for nest in nests]))
        op.attributes[TAG] = ir.StringAttr.get(nests[-1].tag)
    return tuple(
        dataclasses.replace(
            nest, consumers=_consumers(nest.tag, nests) if _only_nests_read(op) else (), final=_is_returned(op)
        )
        for op, nest in zip(found, nests, strict=True)
    )


def _only_nests_read(op: Any) -> bool:
    return all(TAG in use.owner.operation.attributes for result in op.results for use in result.uses)


def _is_returned(op: Any) -> bool:
    """Whether an operation computes all that its function returns, in memory of its own, for nobody else."""
    uses = [use for result in op.results for use in result.uses]
    (*_, start) = op.operands
    return (
        len(uses) == 1
        and uses[0].owner.name == "func.return"
        and len(uses[0].owner.operands) == 1
        and made_by(start, "tensor.empty") is not None
    )


def _consumers(tag: str, nests: Sequence[LoopNest]) -> tuple[str, ...]:
    return tuple(n.tag for n in nests if any(access.producer == tag for access in (*n.inputs, *n.outputs)))


def describe(op: Any, tags: Sequence[str] = ()) -> LoopNest:
    """One linalg.generic or linalg.fill; `tags` are those of the operations before it."""
    inputs, outputs = list(op.opview.inputs), list(op.opview.outputs)
    body = op.regions[0].blocks[0]
    if op.name == "linalg.fill":
        shape = tuple(ir.RankedTensorType(outputs[0].type).shape)
        kind, sizes, reductions = "fill", shape, frozenset[int]()
        identity = tuple(tuple(int(i == j) for j in range(len(shape))) for i in range(len(shape)))
        rows: list[tuple[Row, ...]] = [(), identity]
        offsets: list[tuple[int, ...]] = [(), ()]
        arithmetic: tuple[str, ...] = ()
    else:
        maps = [ir.AffineMapAttr(each).value for each in op.attributes["indexing_maps"]]
        rows = [tuple(_coefficients(result, each.n_dims) for result in each.results) for each in maps]
        offsets = [_offsets(each) for each in maps]
        iterators = [str(each) for each in op.attributes["iterator_types"]]
        reductions = frozenset(loop for loop, each in enumerate(iterators) if "reduction" in each)
        sizes = _sizes(rows, [*inputs, *outputs], len(iterators))
        arithmetic = tuple(each.operation.name for each in body.operations if each.operation.name not in CHEAP)
        kind = "reduce" if reductions else "map"
    accesses = [
        Access(row, *_type(value), _producer(value), _is_coefficients(value), offset)
        for row, offset, value in zip(rows, offsets, [*inputs, *outputs], strict=True)
    ]
    nest = LoopNest(
        tag=kind,
        sizes=sizes,
        reductions=reductions,
        inputs=tuple(accesses[: len(inputs)]),
        outputs=tuple(accesses[len(inputs) :]),
        operations=arithmetic,
        enclosed=op.parent.name != "func.func",
        inside=_inside(op),
        combines=not reductions or all(_combines(body, len(inputs) + each, each) for each in range(len(outputs))),
    )
    kind = "product" if nest.is_product else kind
    count = sum(tag.rstrip("0123456789") == kind for tag in tags)
    return dataclasses.replace(nest, tag=f"{kind}{count}")


def _inside(op: Any) -> tuple[tuple[int, int], ...]:
    ends = list(ir.DenseI64ArrayAttr(op.attributes[INSIDE])) if INSIDE in op.attributes else []
    return tuple(zip(ends[::2], ends[1::2], strict=True))


def _combines(body: Any, argument: int, result: int) -> bool:
    """Whether a body's result is a combination of what it was so far, its `argument`, with one term."""
    uses = list(body.arguments[argument].uses)
    final = list(body.operations)[-1].operands[result].owner
    return len(uses) == 1 and uses[0].owner == final and uses[0].owner.name in COMBINERS


def _sizes(rows: Sequence[tuple[Row, ...]], values: Sequence[Any], loops: int) -> tuple[int, ...]:
    """Iterations of each loop, from a tensor that it indexes alone; linalg sees to it that there is one."""
    sizes = [0] * loops
    for access, value in zip(rows, values, strict=True):
        for row, extent in zip(access, _type(value)[0], strict=True):
            walked = [loop for loop, coefficient in enumerate(row) if coefficient]
            if len(walked) == 1 and row[walked[0]] == 1:
                sizes[walked[0]] = extent
    return tuple(sizes)


def _coefficients(expression: Any, loops: int) -> Row:
    """An affine expression's coefficient of each loop. Raises UserError for floordiv, ceildiv and mod."""
    if isinstance(expression, ir.AffineConstantExpr):
        return (0,) * loops
    if isinstance(expression, ir.AffineDimExpr):
        return tuple(int(loop == expression.position) for loop in range(loops))
    if isinstance(expression, ir.AffineAddExpr):
        left, right = (_coefficients(each, loops) for each in (expression.lhs, expression.rhs))
        return tuple(map(operator.add, left, right))
    if isinstance(expression, ir.AffineMulExpr):
        sides = (expression.lhs, expression.rhs)
        factor = next(each.value for each in sides if isinstance(each, ir.AffineConstantExpr))
        other = next(each for each in sides if not isinstance(each, ir.AffineConstantExpr))
        return tuple(factor * each for each in _coefficients(other, loops))
    raise UserError(f"the MLIR backend needs subscripts that are sums of loops; {expression} is none")


def _offsets(access: Any) -> tuple[int, ...]:
    """What a map has at the first iteration of all loops; () for zeros alone."""
    zero = ir.AffineMap.get(0, 0, [ir.AffineConstantExpr.get(0)] * access.n_dims)
    found = tuple(ir.AffineConstantExpr(each.compose(zero)).value for each in access.results)
    return found if any(found) else ()


def _type(value: Any) -> tuple[tuple[int, ...], str]:
    """Shape and element type; () for a scalar."""
    if not isinstance(value.type, ir.ShapedType):
        return (), str(value.type)
    return tuple(value.type.shape), str(value.type.element_type)


def _producer(value: Any) -> str | None:
    owner = value.owner
    if isinstance(owner, ir.Block) or TAG not in owner.operation.attributes:
        return None
    return str(ir.StringAttr(owner.operation.attributes[TAG]).value)


def _is_coefficients(value: Any) -> bool:
    return made_by(value, "arith.constant") is not None and math.prod(_type(value)[0]) <= MOST_COEFFICIENTS
