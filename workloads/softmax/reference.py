"""What the softmax of rows should be, on numpy alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def reference(x: Array) -> tuple[Array, ...]:
    """The softmax of each row of x, shape (rows, cols), in float64."""
    exact = x.astype(np.float64)
    weights = np.exp(exact - exact.max(axis=1, keepdims=True))
    return (weights / weights.sum(axis=1, keepdims=True),)


def tolerance(x: Array) -> tuple[Array, ...]:
    """The error allowed in each element, shape (rows, cols), with u half the dtype's machine epsilon.

    Relative to the exact value: each weight exp(x - max) carries the error of its exponent, at most 4 u (|x| + |max|)
    even where it is formed as a power of two, and 8 u for an exponential of up to 4 ulp. The sum of n weights carries
    their mean error, that of summation in any order (as in a dot product: the lesser of n + 1 and 8 sqrt(n) u), and
    9 u for each time that a running maximum changes, about log2(n) times. The quotient adds 2 u.
    """
    exact = x.astype(np.float64)
    unit, n = float(np.finfo(x.dtype).eps) / 2.0, x.shape[1]
    (shares,) = reference(x)
    weights = 4.0 * (np.abs(exact) + np.abs(exact.max(axis=1, keepdims=True))) + 8.0
    mean = (shares * weights).sum(axis=1, keepdims=True)
    summation = min(n + 1.0, 8.0 * math.sqrt(n)) + 9.0 * math.log2(n)
    return (unit * shares * (weights + mean + summation + 2.0) + float(np.finfo(x.dtype).tiny),)
