"""The C example's data: inputs that C and numpy compute alike, and some of the elements that must come out.

A complex array counts as one of real numbers, twice as long.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ....protocols import Array, Workload
from .signature import BITS, REAL_TYPES, Argument, Signature

CHECKED = 16
"""Elements of each output, at most."""


def fields(workload: Workload, signature: Signature) -> dict[str, str]:
    """What the placeholders of `example.c` stand for."""
    arrays = (f"static {real(a)} *{a.name};" for a in signature.arguments)
    made = (f"{a.name} = allocate_array({length(a)}, sizeof *{a.name});" for a in signature.arguments)
    filled = (
        f"for (size_t i = 0; i < {length(a)}; i++) {a.name}[i] = {converted(a)}{drawer(a)}({number}, i));"
        for number, a in enumerate(signature.inputs)
    )
    checks = (
        f"wrong += check_element({read(a)}({a.name}[{index}]), {value!r}, {allowed!r});"
        for a, index, value, allowed in expectations(workload, signature)
    )
    passed = (a.name if a.part == a.spec.dtype else f"(void *){a.name}" for a in signature.arguments)
    return {
        "arrays": "\n".join(arrays),
        "made": "\n    ".join((*made, *filled)),
        "checks": "\n    ".join(checks),
        "call": f"{signature.symbol}({', '.join(passed)})",
    }


def expectations(workload: Workload, signature: Signature) -> Iterator[tuple[Argument, int, float, float]]:
    """Output, index in it, value and tolerance, of elements spread evenly over each output."""
    inputs = [drawn(argument, number) for number, argument in enumerate(signature.inputs)]
    values, tolerances = workload.reference(*inputs), workload.tolerance(*inputs)
    for argument, value, tolerance in zip(signature.outputs, values, tolerances, strict=True):
        expected = parts(value, argument)
        allowed = np.broadcast_to(tolerance, argument.spec.shape).ravel().repeat(expected.size // value.size)
        for index in np.unique(np.linspace(0, expected.size - 1, CHECKED).astype(int)):
            if math.isfinite(expected[index]) and math.isfinite(allowed[index]):
                yield argument, int(index), float(expected[index]), float(allowed[index])


def drawn(argument: Argument, number: int) -> Array:
    """Input `number`, as `draw_real` and `draw_whole` in example.c make it."""
    x = np.arange(length(argument), dtype=np.uint32) * np.uint32(2654435761) + np.uint32(number + 1)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    real_ones, whole_ones = (x >> np.uint32(8)) / 2.0**23 - 1.0, (x % np.uint32(5)).astype(np.int64) - 2
    values: Array = real_ones if drawer(argument) == "draw_real" else whole_ones
    return values.astype(argument.part).view(argument.spec.dtype).reshape(argument.spec.shape)


def parts(value: Array, argument: Argument) -> Array:
    """All real numbers in an output's reference, in order."""
    flat = np.ascontiguousarray(value).ravel()
    return flat if argument.part == argument.spec.dtype else flat.astype(np.complex128).view(np.float64)


def length(argument: Argument) -> int:
    return math.prod(argument.spec.shape) * (1 if argument.part == argument.spec.dtype else 2)


def real(argument: Argument) -> str:
    return REAL_TYPES[argument.part]


def converted(argument: Argument) -> str:
    """What makes an element of a number, up to the number itself."""
    return f"narrow_to_{argument.part}(" if argument.part in BITS else f"({real(argument)})("


def read(argument: Argument) -> str:
    """The function that makes a number of an element, where it is not one by itself."""
    return f"widen_{argument.part}" if argument.part in BITS else ""


def drawer(argument: Argument) -> str:
    """Small whole numbers are exact in whatever is narrower than a float."""
    return "draw_real" if argument.part in ("float32", "float64") else "draw_whole"
