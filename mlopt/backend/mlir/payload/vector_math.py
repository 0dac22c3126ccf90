"""Mathematical functions of float32 as arithmetic that vectorises, where LLVM would call a library for each element.

They are written in MLIR, in the folder `functions`, without branch, call or table. Each is within 4 ulp for every
input: denormal numbers, infinities, NaN and the sign of zero included. Shared means:

- Clamping by a comparison and a selection is one instruction, unlike arith.minimumf, and lets NaN pass.
- 1.5 * 2^23 added to a small number rounds it to a whole one, n, in the low bits of the sum's mantissa. With the bias
  of float32's exponent (127) added too, a shift by 23 makes 2^n of these bits. In float64 it is 1.5 * 2^52, 1023, 52.
- Polynomials are minimax fits of relative error (a linear program on Chebyshev points), their coefficients rounded to
  float32 one after another, lowest first, the rest fitted again. The comments give the error of the fit alone.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..bindings import PassManager, ir
from .describe import describe
from .names import NARROW, WIDEN
from .walk import operations, symbol

LIBRARY = Path(__file__).with_name("functions")
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
        functions = {symbol(op): op for op in library.body.operations}
        replaced = {op: name for op in candidates if _computes(op, functions.get(name := _function(op)))}
        for name in _with_helpers(replaced.values(), functions):
            module.body.append(functions[name].operation.clone())
        for op, name in replaced.items():
            _call(op, name)
        PassManager.parse(INLINE).run(module.operation)


@functools.cache
def _text() -> str:
    return "\n".join(file.read_text() for file in sorted(LIBRARY.glob("*.mlir")))


def _function(op: Any) -> str:
    """What the function is called that computes an operation, if there is one."""
    return f"mlopt.{op.name.partition('.')[2]}"


def _with_helpers(names: Iterable[str], functions: Mapping[str, Any]) -> list[str]:
    """These functions, and those that they call."""
    found = sorted(set(names))
    for name in found:
        called = [op.attributes["callee"] for op in operations(functions[name].operation) if op.name == "func.call"]
        found += sorted({ir.FlatSymbolRefAttr(each).value for each in called}.difference(found))
    return found


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
