"""Mathematical functions of float32 as arithmetic that vectorises, where LLVM would call libm for each element."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from ..bindings import PassManager, ir
from .nest import operations, symbol

LIBRARY = Path(__file__).with_suffix(".mlir")
"""A function `mlopt.NAME` for each operation `math.NAME` that is replaced, with its method and accuracy."""

INLINE = "builtin.module(inline{default-pipeline=},symbol-dce)"
"""Nothing is simplified on the way: the payload's own operations stay as they were written."""


def expand(module: Any) -> None:
    """Replace each scalar float32 operation of a parsed module that the library has by its arithmetic, in place.

    Named operations such as linalg.exp must have become linalg.generic before.
    """
    with module.context, ir.Location.unknown(module.context):
        candidates = [op for op in operations(module.operation) if op.name.startswith("math.") and _is_single(op)]
        if not candidates:
            return
        library = ir.Module.parse(_text())  # held, for its functions do not keep it alive
        functions = {symbol(op).replace("mlopt.", "math.", 1): op for op in library.body.operations}
        replaced = [op for op in candidates if op.name in functions]
        for name in sorted({op.name for op in replaced}):
            module.body.append(functions[name].operation.clone())
        for op in replaced:
            _call(op, symbol(functions[op.name]))
        PassManager.parse(INLINE).run(module.operation)


@functools.cache
def _text() -> str:
    return LIBRARY.read_text()


def _is_single(op: Any) -> bool:
    """Whether an operation results in one float32, not in a vector or tensor of them."""
    return bool(op.results[0].type == ir.F32Type.get())


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
