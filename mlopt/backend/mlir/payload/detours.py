"""Detours through float64: where a program takes and returns float32, what it computes in between is float32 too.

PyTorch's importer takes sums of squares to float64, which halves the lanes of a vector and doubles what is stored. How
far off a kernel may be is found with errors of float32 in every operation, those on float64 included.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..bindings import ir
from .names import NARROW, WIDEN
from .walk import operations

ALLOWED = ("arith.", "math.", "linalg.", "tensor.", "func.")
"""Dialects whose operations are the same on float32."""

DISCRETE = ("arith.bitcast", "arith.fptosi", "arith.fptoui", "tensor.bitcast")
"""What small errors may change altogether, such as a place that is computed."""


def narrow(module: Any) -> None:
    """Turn every float64 within a module's functions into float32, in place, where that is allowed. Needs an active
    context.

    It is where no function takes or returns float64, no whole number is made of one, and constants stay within range.
    """
    inner = list(operations(module.operation))
    wide = [op for op in inner if any(map(_is_wide, _types(op)))]
    if not wide or not all(map(_can_narrow, wide)):
        return
    for op in wide:
        if op.name == "arith.constant":
            _narrow_constant(op)
        elif op.name in (WIDEN, NARROW) and _narrowed(op.results[0].type) == _narrowed(op.operands[0].type):
            op.results[0].replace_all_uses_with(op.operands[0])
            op.erase()
        else:
            arguments = [each for region in op.regions for block in region for each in block.arguments]
            for value in (*op.results, *arguments):
                value.set_type(_narrowed(value.type))


def is_discrete(module: Any) -> bool:
    """Whether small errors may change altogether what is computed. Needs an active context."""
    return any(op.name in DISCRETE for op in operations(module.operation))


def _can_narrow(op: Any) -> bool:
    if op.name == "func.func" or op.name in DISCRETE or not op.name.startswith(ALLOWED):
        return False
    if op.name == "arith.constant":
        return all(_fits(float(number)) for number in _numbers(op))
    return op.name != "func.return" or not any(_is_wide(value.type) for value in op.operands)


def _fits(number: float) -> bool:
    """Whether float32 holds a number, but for its last digits."""
    smallest, largest = float(np.finfo(np.float32).smallest_normal), float(np.finfo(np.float32).max)
    return number == 0 or not math.isfinite(number) or smallest <= abs(number) <= largest


def _numbers(op: Any) -> list[float]:
    """The values of a constant, one for all that are the same."""
    value = op.attributes["value"]
    if isinstance(value, ir.FloatAttr):
        return [value.value]
    if not isinstance(value, ir.DenseElementsAttr):
        return [math.nan]
    return [value.get_splat_value().value] if value.is_splat else np.asarray(value).ravel().tolist()


def _narrow_constant(op: Any) -> None:
    value, kind = op.attributes["value"], _narrowed(op.results[0].type)
    if isinstance(value, ir.FloatAttr):
        op.attributes["value"] = ir.FloatAttr.get(kind, value.value)
    elif value.is_splat:
        number = ir.FloatAttr.get(kind.element_type, value.get_splat_value().value)
        op.attributes["value"] = ir.DenseElementsAttr.get_splat(kind, number)
    else:
        op.attributes["value"] = ir.DenseElementsAttr.get(np.asarray(value).astype(np.float32), type=kind)
    op.results[0].set_type(kind)


def _types(op: Any) -> list[Any]:
    """Of what an operation reads, results in, and its regions take."""
    arguments = [each for region in op.regions for block in region for each in block.arguments]
    return [value.type for value in (*op.operands, *op.results, *arguments)]


def _is_wide(kind: Any) -> bool:
    return bool(_narrowed(kind) != kind)


def _narrowed(kind: Any) -> Any:
    if isinstance(kind, ir.F64Type):
        return ir.F32Type.get()
    if isinstance(kind, ir.RankedTensorType):
        return ir.RankedTensorType.get(kind.shape, _narrowed(kind.element_type), kind.encoding)
    return kind
