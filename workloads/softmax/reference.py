"""What the softmax of rows should be."""

import math
from typing import Any

import numpy as np

from mlopt.workloads.precision import UNIT, Array, exact, kind, library, rounding, summation

TINY = float(np.finfo(np.float32).tiny)
"""The least of its normal numbers: what is smaller may become zero."""


def reference(x: Array) -> tuple[Array, ...]:
    """The softmax of each row of x, shape (rows, cols), in float64."""
    values = exact(x)
    weights = library(values).exp(values - _largest(values))
    return (weights / weights.sum(axis=1, keepdims=True),)


def tolerance(x: Array) -> tuple[Array, ...]:
    """The error allowed in each element, shape (rows, cols), with u half of float32's machine epsilon.

    Relative to the exact value: each weight exp(x - max) carries the error of its exponent, at most 4 u (|x| + |max|)
    even where it is formed as a power of two, and 8 u for an exponential of up to 4 ulp. The sum of n weights carries
    their mean error, that of summation in any order (as in a dot product: the lesser of n + 1 and 8 sqrt(n) u), and
    9 u for each time that a running maximum changes, about log2(n) times. The quotient adds 2 u, a
    narrower dtype its rounding.
    """
    values, n = exact(x), x.shape[1]
    (shares,) = reference(x)
    weights = 4.0 * (abs(values) + abs(_largest(values))) + 8.0
    mean = (shares * weights).sum(axis=1, keepdims=True)
    error = UNIT * shares * (weights + mean + summation(n) + 9.0 * math.log2(n) + 2.0) + TINY
    return (error + rounding(shares + error, kind(x)),)


def _largest(values: Any) -> Any:
    """Of each row, shape (rows, 1)."""
    return library(values).amax(values, axis=1, keepdims=True)
