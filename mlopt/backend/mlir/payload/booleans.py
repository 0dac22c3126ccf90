"""Tensors of i1 become tensors of i8.

Loops over scalars keep an i1 in a byte, vectors keep eight of them; what one nest writes another could not read.
"""

from __future__ import annotations

from typing import Any

from ..bindings import ir
from .walk import operations

FUNCTIONS = ("func.func", "func.return")
SLICES = ("tensor.extract_slice", "tensor.insert_slice", "tensor.concat")
RESHAPES = ("tensor.empty", "tensor.expand_shape", "tensor.collapse_shape", *SLICES)
"""What an element's type makes no difference to."""
COMPUTED = ("linalg.generic", "linalg.fill", "tensor.extract", "tensor.pad", "arith.constant")
UNDERSTOOD = (*COMPUTED, *RESHAPES, *FUNCTIONS)


def keep_in_bytes(module: Any) -> None:
    """Let tensors hold a byte, 0 or 1, for each i1, in place, if the program only computes and reshapes these.

    Expects generic nests; memory is what it was for loops over scalars. Needs an active context.
    """
    touching = [op for op in operations(module.operation) if any(_holds_bits(value) for value in _values(op))]
    if not all(op.name in UNDERSTOOD for op in touching):
        return
    constants = [op for op in touching if op.name == "arith.constant"]
    for op in constants:
        value = op.results[0]
        wide = _convert("arith.extui", value, _bytes(value.type), op, after=True)
        value.replace_all_uses_except(wide.result, wide)
    for op in touching:
        if op.name == "linalg.generic":
            _adapt_body(op)
        elif op.name == "linalg.fill" and op.operands[0].type == _bit():
            op.operands[0] = _convert("arith.extui", op.operands[0], _byte(), op).result
            for argument in op.regions[0].blocks[0].arguments:
                argument.set_type(_byte())
        elif op.name == "tensor.pad":
            end = list(op.regions[0].blocks[0].operations)[-1].operation
            end.operands[0] = _convert("arith.extui", end.operands[0], _byte(), end).result
        elif op.name == "tensor.extract":
            value = op.results[0]
            value.set_type(_byte())
            narrow = _convert("arith.trunci", value, _bit(), op, after=True)
            value.replace_all_uses_except(narrow.result, narrow)
    for value in {value for op in touching if op not in constants for value in _values(op) if _holds_bits(value)}:
        value.set_type(_bytes(value.type))
    for function in module.body.operations:
        block = function.regions[0].blocks[0]
        results = [value.type for value in list(block.operations)[-1].operation.operands]
        kind = ir.FunctionType.get([argument.type for argument in block.arguments], results)
        function.attributes["function_type"] = ir.TypeAttr.get(kind)


def _adapt_body(op: Any) -> None:
    """Let a nest's body take and yield bytes, and compute with bits."""
    body, count = op.regions[0].blocks[0], len(op.opview.inputs)
    end = list(body.operations)[-1].operation
    for number, value in enumerate(op.operands):
        if _holds_bits(value):
            argument = body.arguments[number]
            argument.set_type(_byte())
            narrow = _convert("arith.trunci", argument, _bit(), next(iter(body.operations)).operation)
            argument.replace_all_uses_except(narrow.result, narrow)
            if number >= count:
                end.operands[number - count] = _convert(
                    "arith.extui", end.operands[number - count], _byte(), end
                ).result


def _convert(name: str, value: Any, kind: Any, beside: Any, after: bool = False) -> Any:
    """An operation that makes another type of a value, right before `beside` or `after` it."""
    with ir.InsertionPoint(beside), beside.location:
        made = ir.Operation.create(name, results=[kind], operands=[value])
    if after:
        made.move_after(beside)
    return made


def _values(op: Any) -> list[Any]:
    arguments = [each for region in op.regions for block in region for each in block.arguments]
    return [*op.operands, *op.results, *arguments]


def _holds_bits(value: Any) -> bool:
    return isinstance(value.type, ir.RankedTensorType) and value.type.element_type == _bit()


def _bit() -> Any:
    return ir.IntegerType.get_signless(1)


def _byte() -> Any:
    return ir.IntegerType.get_signless(8)


def _bytes(kind: Any) -> Any:
    return ir.RankedTensorType.get(kind.shape, _byte(), kind.encoding)
