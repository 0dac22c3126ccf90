"""What normalisation by the root mean square should be, on numpy alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EPSILON = 1e-5


def reference(x: Array, gamma: Array) -> tuple[Array, ...]:
    """Each row of x, shape (rows, cols), by the root of its mean square, times gamma, shape (cols,); in float64."""
    exact = x.astype(np.float64)
    return (exact / np.sqrt(np.square(exact).mean(axis=1, keepdims=True) + EPSILON) * gamma,)


def tolerance(x: Array, gamma: Array) -> tuple[Array, ...]:
    """The error allowed in each element, shape (rows, cols), with u half the dtype's machine epsilon.

    A mean of n squares is off by the lesser of n + 1 and 8 sqrt(n), plus 2, times u, relatively, in every order of
    summation; half of that gets into its inverse root, with 8 u more for a root of up to 4 ulp. Three roundings follow.
    """
    unit, n = float(np.finfo(x.dtype).eps) / 2.0, x.shape[1]
    root_error = 0.5 * (min(n + 1.0, 8.0 * math.sqrt(n)) + 2.0) + 8.0
    (result,) = reference(x, gamma)
    return (unit * (root_error + 3.0) * np.abs(result),)
