"""What the softmax of rows should be, on numpy alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

UNIT = 2.0**-24
"""Half of float32's machine epsilon."""


def reference(x: Array) -> tuple[Array, ...]:
    """The softmax of each row of x, shape (rows, cols), in float64."""
    exact = _exact(x)
    weights = np.exp(exact - exact.max(axis=1, keepdims=True))
    return (weights / weights.sum(axis=1, keepdims=True),)


def tolerance(x: Array) -> tuple[Array, ...]:
    """The error allowed in each element, shape (rows, cols), with u half of float32's machine epsilon.

    Relative to the exact value: each weight exp(x - max) carries the error of its exponent, at most 4 u (|x| + |max|)
    even where it is formed as a power of two, and 8 u for an exponential of up to 4 ulp. The sum of n weights carries
    their mean error, that of summation in any order (as in a dot product: the lesser of n + 1 and 8 sqrt(n) u), and
    9 u for each time that a running maximum changes, about log2(n) times. The quotient adds 2 u, a
    narrower dtype its rounding.
    """
    exact, n = _exact(x), x.shape[1]
    (shares,) = reference(x)
    weights = 4.0 * (np.abs(exact) + np.abs(exact.max(axis=1, keepdims=True))) + 8.0
    mean = (shares * weights).sum(axis=1, keepdims=True)
    summation = min(n + 1.0, 8.0 * math.sqrt(n)) + 9.0 * math.log2(n)
    error = UNIT * shares * (weights + mean + summation + 2.0) + float(np.finfo(np.float32).tiny)
    return (error + _rounding(shares + error, x.dtype),)


def _exact(array: Array) -> Array:
    """In float64; bfloat16 may come as its bits, whole numbers."""
    bits = array.dtype == np.uint16
    return (array.astype(np.uint32) << 16).view(np.float32).astype(np.float64) if bits else array.astype(np.float64)


def _rounding(result: Array, dtype: Any) -> Array | float:
    """The most that a result changes which is rounded from float32 to float16 or bfloat16, below normal numbers too."""
    if dtype.itemsize > 2:
        return 0.0
    unit, least = (2.0**-11, 2.0**-25) if dtype == np.float16 else (2.0**-8, 0.0)
    rounding: Array = np.maximum(unit * np.abs(result), least)
    return rounding
