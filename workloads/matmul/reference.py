"""What a matrix product should be, on numpy alone; batches come before the last two dimensions."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def reference(a: Array, b: Array) -> tuple[Array, ...]:
    """A of shape (..., m, k), B of shape (..., k, n): the product, shape (..., m, n), in float64."""
    return (np.matmul(a.astype(np.float64), b.astype(np.float64)),)


def tolerance(a: Array, b: Array) -> tuple[Array, ...]:
    """The error allowed in each element of the product of float32 operands, shape (..., m, n).

    Relative to the sum of the terms' magnitudes it is the lesser of the bound that holds for every order of summation,
    (k + 1) u, and the probabilistic one, 8 sqrt(k) u, which fails less than once in 10^13 elements (Higham and Mary
    2019, theorem 2.4); u is half the dtype's machine epsilon. Whole numbers whose sums stay below 1 / u are added
    without any error, in every order.
    """
    k, unit = a.shape[-1], float(np.finfo(a.dtype).eps) / 2.0
    (magnitude,) = reference(np.abs(a), np.abs(b))
    if magnitude.max() < 1.0 / unit and all(np.array_equal(x, np.rint(x)) for x in (a, b)):
        return (np.zeros_like(magnitude),)
    return (min(k + 1.0, 8.0 * math.sqrt(k)) * unit * magnitude,)
