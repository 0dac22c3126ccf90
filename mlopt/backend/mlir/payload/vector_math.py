"""Mathematical functions of float32 as arithmetic that vectorises, where LLVM would call a library for each element."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from ..bindings import PassManager, ir
from .describe import describe
from .names import NARROW, WIDEN
from .walk import operations, symbol

LIBRARY = Path(__file__).with_suffix(".mlir")
"""A function `mlopt.NAME` for each operation math.NAME or arith.NAME that is replaced, with its method and accuracy."""

INLINE = "builtin.module(inline{default-pipeline=},symbol-dce)"
"""Nothing is simplified on the way: the payload's own operations stay as they were written."""


def expand(module: Any, kinds: tuple[str, ...] = ("math.", NARROW, WIDEN)) -> None:
    """Replace each scalar operation of a parsed module that the library has by its arithmetic, in place.

    Of those whose names begin with one of `kinds`. Named operations such as linalg.exp must have become linalg.generic
    before.
    """
    with module.context, ir.Location.unknown(module.context):
        candidates = [
            op for op in operations(module.operation) if op.name.startswith(kinds) and not _widens_for_product(op)
        ]
        if not candidates:
            return
        library = ir.Module.parse(_text())  # held, for its functions do not keep it alive
        functions = {symbol(op).removeprefix("mlopt."): op for op in library.body.operations}
        replaced = {op: name for op in candidates if _computes(op, functions.get(name := op.name.partition(".")[2]))}
        for name in sorted(set(replaced.values())):
            module.body.append(functions[name].operation.clone())
        for op, name in replaced.items():
            _call(op, symbol(functions[name]))
        PassManager.parse(INLINE).run(module.operation)


@functools.cache
def _text() -> str:
    return LIBRARY.read_text()


def _widens_for_product(op: Any) -> bool:
    """Whether an operation stands in a sum of products, which is not computed in that way."""
    return op.name == WIDEN and op.parent.name == "linalg.generic" and describe(op.parent).is_product


def _computes(op: Any, function: Any) -> bool:
    """Whether there is a function, and an operation has its types, not tensors or vectors of them."""
    own = ir.FunctionType.get([each.type for each in op.operands], [each.type for each in op.results])
    return bool(function and ir.TypeAttr(function.attributes["function_type"]).value == own)


def _call(op: Any, callee: str) -> None:
    """Put a call of the function `callee` in the place of `op`."""
    with ir.InsertionPoint(op), op.location:
        call = ir.Operation.create(
            "func.call",
            results=[op.results[0].type],
            operands=list(op.operands),
            attributes={"callee": ir.FlatSymbolRefAttr.get(callee)},
        )
    op.results[0].replace_all_uses_with(call.results[0])
    op.erase()
