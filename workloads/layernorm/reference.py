"""What layer normalisation should be, on numpy alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

UNIT = 2.0**-24
"""Half of float32's machine epsilon."""

EPSILON = 1e-5


def reference(x: Array, gamma: Array, beta: Array) -> tuple[Array, ...]:
    """Each row of x, shape (rows, cols), normalised, times gamma, plus beta, both of shape (cols,); in float64."""
    exact, gamma, beta = map(_exact, (x, gamma, beta))
    deviation = exact - exact.mean(axis=1, keepdims=True)
    variance = np.square(deviation).mean(axis=1, keepdims=True)
    return (deviation / np.sqrt(variance + EPSILON) * gamma + beta,)


def tolerance(x: Array, gamma: Array, beta: Array) -> tuple[Array, ...]:
    """The error allowed in each element, shape (rows, cols), with u half of float32's machine epsilon.

    A mean of n terms is off by s times their mean magnitude, where s = (the lesser of n + 1 and 8 sqrt(n), plus 2) u
    covers every order of summation; so is the mean of squares. The variance is off by 3 s mean(x^2) even where it is
    computed as a difference of such means, and half of that, relative to variance + 1e-5, gets into its inverse root,
    with 8 u more for a root of up to 4 ulp. Deviation, products and the last sum are rounded once each, the result once
    more to a narrower dtype.
    """
    exact, factors, shifts, n = _exact(x), _exact(gamma), _exact(beta), x.shape[1]
    summation = UNIT * (min(n + 1.0, 8.0 * math.sqrt(n)) + 2.0)
    deviation = exact - exact.mean(axis=1, keepdims=True)
    variance = np.square(deviation).mean(axis=1, keepdims=True) + EPSILON
    mean_error = summation * np.abs(exact).mean(axis=1, keepdims=True)
    root_error = 1.5 * summation * np.square(exact).mean(axis=1, keepdims=True) / variance + 8.0 * UNIT
    factor = np.abs(factors) / np.sqrt(variance)
    error = mean_error + np.abs(deviation) * (root_error + 4.0 * UNIT)
    (result,) = reference(x, gamma, beta)
    error = factor * error + UNIT * (np.abs(result) + np.abs(shifts))
    return (error + _rounding(np.abs(result) + error, x.dtype),)


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
