"""Programs on bfloat16 compute in float32: what they read is widened before, what they result in rounded at the end."""

from __future__ import annotations

from typing import Any

from ..bindings import PassManager, ir, linalg
from ..lowering import SMALL_FLOATS, pipeline
from .describe import describe
from .names import ELEMENTWISE, NARROW, WIDEN
from .walk import made_by, operations


def widen_sums(module: Any) -> None:
    """Let reductions to bfloat16 or float16 go on in float32, and be rounded at the end, in place.

    Rounded after every term, a long sum would stop to grow. Expects generic nests. Needs an active context.
    """
    PassManager.parse(pipeline(*SMALL_FLOATS, "func.func(canonicalize)")).run(module.operation)
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic"]:
        if len(op.results) == 1 and _is_small(op.results[0]) and describe(op).reductions:
            _widen_sum(op)
    PassManager.parse(pipeline(ELEMENTWISE)).run(module.operation)


def computes_small_floats(module: Any) -> bool:
    """Whether some operation results in a tensor of bfloat16 or float16."""
    return any(_is_small(value) for op in operations(module.operation) for value in op.results)


def _is_small(value: Any) -> bool:
    kind = value.type
    return isinstance(kind, ir.RankedTensorType) and isinstance(kind.element_type, (ir.BF16Type, ir.F16Type))


def _widen_sum(op: Any) -> None:
    """Widen what a reduction begins with, if all that it does with its result so far is arithmetic on float32."""
    body = op.regions[0].blocks[0]
    total, result = body.arguments[len(op.operands) - 1], list(body.operations)[-1].operation
    widened = [use.owner.operation for use in total.uses]
    rounded = made_by(result.operands[0], NARROW)
    single = ir.F32Type.get()
    if rounded is None or any(each.name != WIDEN or each.results[0].type != single for each in widened):
        return
    start, small = op.operands[len(op.operands) - 1], op.results[0].type
    wide = ir.RankedTensorType.get(small.shape, single)
    fill = made_by(start, "linalg.fill")
    with ir.InsertionPoint(op), op.location:
        if fill is not None:
            empty = ir.Operation.create("tensor.empty", results=[wide]).result
            number = ir.Operation.create(WIDEN, results=[single], operands=[fill.operands[0]]).result
            op.operands[len(op.operands) - 1] = linalg.fill(number, outs=[empty])
        else:
            op.operands[len(op.operands) - 1] = ir.Operation.create(WIDEN, results=[wide], operands=[start]).result
    total.set_type(single)
    for each in widened:
        each.results[0].replace_all_uses_with(total)
        each.erase()
    result.operands[0] = rounded.operands[0]
    if not any(True for _ in rounded.results[0].uses):
        rounded.erase()
    op.results[0].set_type(wide)
    with ir.InsertionPoint(op), op.location:
        small_again = ir.Operation.create(NARROW, results=[small], operands=[op.results[0]])
    small_again.move_after(op)
    op.results[0].replace_all_uses_except(small_again.results[0], small_again)


def widen_products(module: Any) -> None:
    """Widen the operands of products before them, not in their bodies, in place. Needs an active context.

    So each element is widened once, and not each time that it is read.
    """
    for op in [op for op in operations(module.operation) if op.name == "linalg.generic" and describe(op).is_product]:
        body = op.regions[0].blocks[0]
        for widening in [each.operation for each in body.operations if each.operation.name == WIDEN]:
            argument, wide = widening.operands[0], widening.results[0]
            position, tensor = argument.arg_number, op.operands[argument.arg_number]
            with ir.InsertionPoint(op), op.location:
                kind = ir.RankedTensorType.get(ir.RankedTensorType(tensor.type).shape, wide.type)
                op.operands[position] = ir.Operation.create(WIDEN, results=[kind], operands=[tensor]).results[0]
            argument.set_type(wide.type)
            wide.replace_all_uses_with(argument)
            widening.erase()


def narrow_products(module: Any) -> None:
    """Let products with a widened operand read bfloat16, and widen in their bodies, in place. Needs an active context.

    Where the other operand is of float32, it is rounded before.
    """
    for op in _narrowable(module):
        body = op.regions[0].blocks[0]
        for position, tensor in enumerate(list(op.operands)[:2]):
            kind, argument = ir.RankedTensorType(tensor.type), body.arguments[position]
            with ir.InsertionPoint(op), op.location:
                narrow = ir.RankedTensorType.get(kind.shape, ir.BF16Type.get())
                rounded = (
                    [] if _was_narrow(tensor) else [ir.Operation.create(NARROW, results=[narrow], operands=[tensor])]
                )
                op.operands[position] = rounded[0].results[0] if rounded else tensor.owner.operands[0]
            argument.set_type(narrow.element_type)
            with ir.InsertionPoint.at_block_begin(body), op.location:
                wide = ir.Operation.create(WIDEN, results=[kind.element_type], operands=[argument])
            argument.replace_all_uses_except(wide.results[0], wide)
    PassManager.parse(f"builtin.module({ELEMENTWISE})").run(module.operation)


def can_narrow(module: Any) -> bool:
    """Whether a prepared module has products that narrow_products would change. Needs an active context."""
    return bool(_narrowable(module))


def _narrowable(module: Any) -> list[Any]:
    generic = [op for op in operations(module.operation) if op.name == "linalg.generic"]
    return [op for op in generic if describe(op).is_product and any(map(_was_narrow, list(op.operands)[:2]))]


def _was_narrow(tensor: Any) -> bool:
    """Whether a tensor is bfloat16, widened."""
    return is_widened(tensor) and describe(tensor.owner).inputs[0].dtype == "bf16"


def is_widened(tensor: Any) -> bool:
    """Whether a tensor is what a linalg.generic makes of another one by widening each element where it stands."""
    op = made_by(tensor, "linalg.generic")
    if op is None:
        return False
    nest = describe(op)
    return nest.operations == (WIDEN,) and nest.inputs[0].rows == nest.outputs[0].rows


def is_final_rounding(op: Any) -> bool:
    """Whether a linalg.generic only rounds what is returned then."""
    return describe(op).operations == (NARROW,) and all(u.owner.name == "func.return" for u in op.results[0].uses)
