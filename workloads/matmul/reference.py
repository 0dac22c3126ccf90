"""What a matrix product should be; batches come before the last two dimensions."""

from typing import Any

from mlopt.workloads.precision import NARROW, UNIT, Array, exact, kind, library, rounded, rounding, summation

TF32_UNIT = 2.0**-10
"""How far off a number is, at most and relatively, that is cut off after tf32's 11 binary digits."""

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
    return (_product(exact(a), exact(b), transposed),)


def tolerance(a: Array, b: Array, *, tf32: bool = False, transposed: bool = False) -> tuple[Array, ...]:
    """The error allowed in each element of the product, shape (..., m, n), of which the sums are in float32.

    Relative to the sum of the terms' magnitudes it is what a sum of k terms may be off by (`summation`). Whole numbers
    whose sums stay below 1 / u, u being half of float32's machine epsilon, are added without any error, in every order.
    A product of bfloat16 or float16 operands is rounded to that once, at the end, one of fp8 operands to bfloat16. For
    tf32, both operands are cut off before.
    """
    fp8 = kind(a) == "float8_e4m3fn"
    narrow = "bfloat16" if fp8 else kind(a)
    a, b = exact(a), exact(b)
    magnitude = _product(abs(a), abs(b), transposed)
    aligned = not fp8 or FP8_TERMS * abs(a).max() * abs(b).max() < 2.0**FP8_DIGITS
    if magnitude.max() < 1.0 / UNIT and aligned and _is_whole(a) and _is_whole(b):
        if narrow not in NARROW:
            return (0.0 * magnitude,)
        product = _product(a, b, transposed)
        return (abs(rounded(product, narrow) - product),)
    relative = UNIT * summation(a.shape[-1]) + (2.0 * TF32_UNIT if tf32 else 0.0) + (FP8_UNIT if fp8 else 0.0)
    error = relative * magnitude
    if narrow not in NARROW:
        return (error,)
    return (error + rounding(abs(_product(a, b, transposed)) + error, narrow),)


def _product(a: Any, b: Any, transposed: bool) -> Any:
    return a @ (b.swapaxes(-1, -2) if transposed else b)


def _is_whole(values: Any) -> bool:
    return bool((values == library(values).round(values)).all())
