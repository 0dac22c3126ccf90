"""What normalisation by the root mean square should be, on numpy alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

UNIT = 2.0**-24
"""Half of float32's machine epsilon."""

EPSILON = 1e-5


def reference(x: Array, gamma: Array) -> tuple[Array, ...]:
    """Each row of x, shape (rows, cols), by the root of its mean square, times gamma, shape (cols,); in float64."""
    exact = _exact(x)
    return (exact / np.sqrt(np.square(exact).mean(axis=1, keepdims=True) + EPSILON) * _exact(gamma),)


def tolerance(x: Array, gamma: Array) -> tuple[Array, ...]:
    """The error allowed in each element, shape (rows, cols), with u half of float32's machine epsilon.

    A mean of n squares is off by the lesser of n + 1 and 8 sqrt(n), plus 2, times u, relatively, in every order of
    summation; half of that gets into its inverse root, with 8 u more for a root of up to 4 ulp. Three roundings follow,
    and one to a narrower dtype.
    """
    n = x.shape[1]
    root_error = 0.5 * (min(n + 1.0, 8.0 * math.sqrt(n)) + 2.0) + 8.0
    (result,) = reference(x, gamma)
    error = UNIT * (root_error + 3.0) * np.abs(result)
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
