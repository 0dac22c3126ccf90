"""What a matrix product should be, on numpy alone; batches come before the last two dimensions."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BFLOAT16_UNIT, FLOAT16_UNIT = 2.0**-8, 2.0**-11
"""How far off a number is, at most and relatively, that is rounded to bfloat16's 8 binary digits, or float16's 11."""

TF32_UNIT = 2.0**-10
"""The same of a number that is cut off after tf32's 11 binary digits."""

FP8_TERMS, FP8_DIGITS = 128, 13
"""How many products of fp8 matrix units may add up before they go into a sum in float32, and the binary digits they do
it with: a multiprocessor of compute capability 9 aligns 32 products and the sum so far to the largest of them, and cuts
off after 13 more (DeepSeek-AI 2024, "DeepSeek-V3 technical report", section 3.5.2)."""

FP8_UNIT = 2.0**-9
"""What that makes of a sum, relative to its terms' magnitudes: twice the most that such additions were off by, of 64 to
16384 terms, all of one sign."""


def reference(a: Array, b: Array, *, tf32: bool = False, transposed: bool = False) -> tuple[Array, ...]:
    """A of shape (..., m, k), B of shape (..., k, n): the product, shape (..., m, n), in float64.

    `transposed` says that B is given as its transpose, of shape (..., n, k).
    """
    a, b = (_float32(array).astype(np.float64) for array in (a, b))
    return (np.matmul(a, b.swapaxes(-1, -2) if transposed else b),)


def tolerance(a: Array, b: Array, *, tf32: bool = False, transposed: bool = False) -> tuple[Array, ...]:
    """The error allowed in each element of the product, shape (..., m, n), of which the sums are in float32.

    Relative to the sum of the terms' magnitudes it is the lesser of the bound that holds for every order of summation,
    (k + 1) u, and the probabilistic one, 8 sqrt(k) u, which fails less than once in 10^13 elements (Higham and Mary
    2019, theorem 2.4); u is half of float32's machine epsilon. Whole numbers whose sums stay below 1 / u are added
    without any error, in every order. A product of bfloat16 or float16 operands is rounded to that once, at the end,
    one of fp8 operands to bfloat16. For tf32, both operands are cut off before.
    """
    fp8, narrow, rounded = a.dtype.itemsize == 1, a.dtype.itemsize <= 2, _rounded_to(a.dtype)
    narrow_unit, least = (FLOAT16_UNIT, 2.0**-25) if a.dtype == np.float16 else (BFLOAT16_UNIT, 0.0)
    a, b = _float32(a), _float32(b)
    k, unit = a.shape[-1], float(np.finfo(np.float32).eps) / 2.0
    (magnitude,) = reference(np.abs(a), np.abs(b), transposed=transposed)
    aligned = not fp8 or FP8_TERMS * np.abs(a).max() * np.abs(b).max() < 2.0**FP8_DIGITS
    whole = magnitude.max() < 1.0 / unit and aligned and all(np.array_equal(x, np.rint(x)) for x in (a, b))
    relative = min(k + 1.0, 8.0 * math.sqrt(k)) * unit + (2.0 * TF32_UNIT if tf32 else 0.0) + (FP8_UNIT if fp8 else 0.0)
    error = np.zeros_like(magnitude) if whole else relative * magnitude
    if not narrow:
        return (error,)
    (exact,) = reference(a, b, transposed=transposed)
    if whole:
        return (np.abs(rounded(exact) - exact),)
    return (error + np.maximum(narrow_unit * (np.abs(exact) + error), least),)


def _float32(array: Array) -> Array:
    """float32 as it is; float16 converted; bfloat16, or its bits as whole numbers, as the float32 that it begins.

    Of float8_e4m3fn, or its bits, sign and the rest are those of a float16 that is too small by a factor of 2^8.
    """
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.itemsize == 1:
        bits = array.view(np.uint8).astype(np.uint16)
        return ((bits & 0x80) << 8 | (bits & 0x7F) << 7).view(np.float16).astype(np.float32) * np.float32(2.0**8)
    return array if array.dtype.itemsize > 2 else (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def _rounded_to(dtype: Any) -> Callable[[Array], Array]:
    """Rounding to a narrow dtype, the values as they are in float64 or float32."""
    return (lambda array: array.astype(np.float16).astype(np.float64)) if dtype == np.float16 else _rounded


def _rounded(array: Array) -> Array:
    """float32's numbers, rounded to the nearest of bfloat16, to an even one from halfway."""
    bits = array.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)
