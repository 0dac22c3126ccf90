"""Products of complex numbers as products of real ones, on tensors with a last dimension for the two parts.

A complex number in memory is a pair of floats, so tensors need not be copied for it, nor need what calls the function
know. A product C[m, n] = sum A[m, k] B[k, n] becomes C[m, n, c] = sum A[m, k, s] B'[k, s, n, c], where B' holds B and
i B: a matrix product, too, twice as deep and twice as wide as if the numbers were real. Where A or B is conjugated,
B' holds that of B, or minus i B.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..bindings import ir, linalg
from .build import generic, multiply_add
from .describe import describe
from .merge import wall
from .nest import LoopNest
from .walk import made_by, operations

FILL, EMPTY, RETURN = "linalg.fill", "tensor.empty", "func.return"
CONJ = "complex.conj"


def split(module: Any) -> None:
    """Rewrite all complex numbers of a program as pairs, in place, if it does nothing with them but sum products.

    Expects generic nests. Needs an active context.
    """
    functions = list(module.body.operations)
    touching = [op for op in operations(module.operation) if any(map(_is_complex, (*op.operands, *op.results)))]
    if len(functions) != 1 or not touching or not all(map(_is_understood, touching)):
        return
    function = functions[0].operation
    block = function.regions[0].blocks[0]
    nests = [describe(op) if op.name == "linalg.generic" else None for op in touching]  # while the types still fit
    for value in (*block.arguments, *(op.results[0] for op in touching if op.name == EMPTY)):
        if _is_complex(value):
            value.set_type(_pairs(value.type))
    for op, nest in zip(touching, nests, strict=True):
        if op.name not in (EMPTY, RETURN):
            with ir.InsertionPoint(op), op.location:
                op.results[0].replace_all_uses_with(_product(op, nest) if nest else _cleared(op))
            op.erase()
    results = [each.type for each in list(block.operations)[-1].operands]
    kind = ir.FunctionType.get([each.type for each in block.arguments], results)
    function.attributes["function_type"] = ir.TypeAttr.get(kind)


def _is_complex(value: Any) -> bool:
    kind = value.type
    return isinstance(kind, ir.RankedTensorType) and kind.element_type == ir.ComplexType.get(ir.F32Type.get())


def _pairs(kind: Any) -> Any:
    """The type of a complex tensor's parts."""
    return ir.RankedTensorType.get([*kind.shape, 2], ir.F32Type.get())


def _is_understood(op: Any) -> bool:
    if op.name in (EMPTY, RETURN):
        return True
    if op.name == FILL:
        constant = made_by(op.operands[0], "complex.constant")
        return constant is not None and all(
            ir.FloatAttr(part).value == 0.0 for part in ir.ArrayAttr(constant.attributes["value"])
        )
    return op.name == "linalg.generic" and _conjugated(op) is not None and _right(describe(op)) is not None


def _conjugated(op: Any) -> frozenset[int] | None:
    """Which operands are conjugated, if the body is out + a * b, and the sum starts from a fill; None otherwise."""
    body = op.regions[0].blocks[0]
    conjugates = {
        each.operation.results[0]: each.operation.operands[0] for each in body.operations if each.operation.name == CONJ
    }
    others = [each.operation for each in body.operations if each.operation.name != CONJ]
    if [each.name for each in others] != ["complex.mul", "complex.add", "linalg.yield"] or len(body.arguments) != 3:
        return None
    multiply, add, result = others
    left, right, total = body.arguments
    understood = (
        {conjugates.get(factor, factor) for factor in multiply.operands} == {left, right}
        and {*add.operands} == {multiply.results[0], total}
        and result.operands[0] == add.results[0]
        and made_by(op.operands[len(op.operands) - 1], FILL) is not None
    )
    turned = [factor for factor in multiply.operands if factor in conjugates]
    return frozenset(ir.BlockArgument(conjugates[each]).arg_number for each in turned) if understood else None


def _right(nest: LoopNest) -> int | None:
    """The operand that the innermost loop of the result is of alone, if the other one has a loop of its own as well."""
    (output,) = nest.outputs
    loops = [row.index(1) for row in output.rows if any(row) and nest.sizes[row.index(1)] > 1]
    if not output.is_projection or not nest.reductions or not loops:
        return None
    for right, left in ((0, 1), (1, 0)):
        a, b = nest.inputs[left], nest.inputs[right]
        own = [loop for loop in loops if a.varies_with(loop) and not b.varies_with(loop)]
        if own and b.varies_with(loops[-1]) and not a.varies_with(loops[-1]) and b.is_projection:
            return right
    return None


def _cleared(fill: Any) -> Any:
    single = ir.F32Type.get()
    zero = ir.Operation.create(
        "arith.constant", results=[single], attributes={"value": ir.FloatAttr.get(single, 0.0)}
    ).result
    return linalg.fill(zero, outs=[fill.operands[1]])


def _product(op: Any, nest: LoopNest) -> Any:
    """The product on pairs; its last two loops are over the parts of the result and of A."""
    right = _right(nest)
    assert right is not None
    maps = [list(ir.AffineMapAttr(each).value.results) for each in op.attributes["indexing_maps"]]
    part, term = (ir.AffineDimExpr.get(len(nest.sizes) + extra) for extra in (0, 1))
    turned, order = _turned(op.operands[right], nest, right, _conjugated(op) or frozenset())
    maps[right] = [ir.AffineDimExpr.get(loop) for loop in order]
    maps[1 - right] = [*maps[1 - right], term]
    maps[2] = [*maps[2], part]
    operands = [op.operands[0], op.operands[1]]
    operands[right] = wall(turned)
    kinds = ["reduction" if loop in nest.reductions else "parallel" for loop in range(len(nest.sizes))]
    return generic(operands, op.operands[2], maps, [*kinds, "parallel", "reduction"], multiply_add)


def _turned(value: Any, nest: LoopNest, right: int, conjugated: Collection[int]) -> tuple[Any, list[int]]:
    """B and i B, and the loops of the product that its dimensions belong to; `conjugated` are operands of the product.

    Of a conjugated B it is that; of a conjugated A, i B is negated, which the other parts of A are multiplied with.
    Its dimensions are in the order in which the product walks through them: loops that both operands share, of the sum
    as A has them, over the terms of A, of the result as C has them, over its parts.
    """
    part, term = len(nest.sizes), len(nest.sizes) + 1
    a, b, c = nest.inputs[1 - right], nest.inputs[right], nest.outputs[0]
    inner = [loop for row in a.rows for loop, each in enumerate(row) if each and loop in nest.reductions]
    inner = [*sorted(nest.reductions.difference(inner)), *dict.fromkeys(inner)]
    outer = [loop for row in c.rows for loop, each in enumerate(row) if each]
    shared = [loop for loop in outer if a.varies_with(loop)]
    wanted = [*shared, *inner, term, *(loop for loop in outer if loop not in shared), part]
    order = [loop for loop in wanted if loop in (part, term) or b.varies_with(loop)]
    place = {loop: ir.AffineDimExpr.get(position) for position, loop in enumerate(order)}
    constants = [ir.AffineConstantExpr.get(each) for each in (0, 1)]
    own = [place[row.index(1)] if any(row) else constants[0] for row in b.rows]
    shape = [2 if loop in (part, term) else nest.sizes[loop] for loop in order]
    empty = ir.Operation.create(EMPTY, results=[ir.RankedTensorType.get(shape, ir.F32Type.get())]).result

    def body(real: Any, imaginary: Any, _: Any) -> Any:
        itself, is_real = _is_first(order.index(term)), _is_first(order.index(part))
        if right in conjugated:
            imaginary = _scalar("arith.negf", imaginary)
        turned = (_scalar("arith.negf", imaginary), real)
        if 1 - right in conjugated:
            turned = (imaginary, _scalar("arith.negf", real))
        return _select(itself, _select(is_real, real, imaginary), _select(is_real, *turned))

    maps = [*([*own, each] for each in constants), list(place.values())]
    return generic([value, value], empty, maps, ["parallel"] * len(order), body), order


def _scalar(name: str, *operands: Any) -> Any:
    return ir.Operation.create(name, results=[operands[0].type], operands=list(operands)).result


def _select(condition: Any, yes: Any, no: Any) -> Any:
    return ir.Operation.create("arith.select", results=[yes.type], operands=[condition, yes, no]).result


def _is_first(loop: int) -> Any:
    """Whether a loop is in its first iteration."""
    index, integer = ir.IndexType.get(), ir.IntegerType.get_signless(64)
    count = ir.Operation.create("linalg.index", results=[index], attributes={"dim": ir.IntegerAttr.get(integer, loop)})
    zero = ir.Operation.create("arith.constant", results=[index], attributes={"value": ir.IntegerAttr.get(index, 0)})
    equal = {"predicate": ir.IntegerAttr.get(integer, 0)}
    return ir.Operation.create(
        "arith.cmpi",
        results=[ir.IntegerType.get_signless(1)],
        operands=[count.result, zero.result],
        attributes=equal,
    ).result
