"""What layer normalisation should be, on numpy alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EPSILON = 1e-5


def reference(x: Array, gamma: Array, beta: Array) -> tuple[Array, ...]:
    """Each row of x, shape (rows, cols), normalised, times gamma, plus beta, both of shape (cols,); in float64."""
    exact = x.astype(np.float64)
    deviation = exact - exact.mean(axis=1, keepdims=True)
    variance = np.square(deviation).mean(axis=1, keepdims=True)
    return (deviation / np.sqrt(variance + EPSILON) * gamma + beta,)


def tolerance(x: Array, gamma: Array, beta: Array) -> tuple[Array, ...]:
    """The error allowed in each element, shape (rows, cols), with u half the dtype's machine epsilon.

    A mean of n terms is off by s times their mean magnitude, where s = (the lesser of n + 1 and 8 sqrt(n), plus 2) u
    covers every order of summation; so is the mean of squares. The variance is off by 3 s mean(x^2) even where it is
    computed as a difference of such means, and half of that, relative to variance + 1e-5, gets into its inverse root,
    with 8 u more for a root of up to 4 ulp. Deviation, products and the last sum are rounded once each.
    """
    exact, n = x.astype(np.float64), x.shape[1]
    unit = float(np.finfo(x.dtype).eps) / 2.0
    summation = unit * (min(n + 1.0, 8.0 * math.sqrt(n)) + 2.0)
    deviation = exact - exact.mean(axis=1, keepdims=True)
    variance = np.square(deviation).mean(axis=1, keepdims=True) + EPSILON
    mean_error = summation * np.abs(exact).mean(axis=1, keepdims=True)
    root_error = 1.5 * summation * np.square(exact).mean(axis=1, keepdims=True) / variance + 8.0 * unit
    factor = np.abs(gamma.astype(np.float64)) / np.sqrt(variance)
    error = mean_error + np.abs(deviation) * (root_error + 4.0 * unit)
    (result,) = reference(x, gamma, beta)
    return (factor * error + unit * (np.abs(result) + np.abs(beta)),)
