"""What two linear layers with a GELU between them should be, on numpy alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BFLOAT16_UNIT, FLOAT16_UNIT = 2.0**-8, 2.0**-11
"""How far off a number is, at most and relatively, that is rounded to bfloat16's 8 binary digits, or float16's 11."""

LEAST = 2.0**-25
"""How far off a number below float16's normal ones is, at most, that is rounded to it."""


def reference(x: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> tuple[Array, ...]:
    """gelu(x w1 + b1) w2 + b2, shape (m, d_model), in float64; x of shape (m, d_model), w1 of shape (d_model, d_ff)."""
    x, w1, b1, w2, b2 = map(_float32, (x, w1, b1, w2, b2))
    return (_gelu(_linear(x, w1, b1)) @ w2.astype(np.float64) + b2,)


def tolerance(x: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> tuple[Array, ...]:
    """The error allowed in each element, shape (m, d_model), with u half of float32's machine epsilon.

    A sum of k terms is off by the lesser of (k + 1) u and 8 sqrt(k) u, relative to the terms' magnitudes; the second
    is 8 deviations of errors that are random (Higham and Mary 2019). What the first layer's errors, each carried
    over by a GELU whose slope is at most 1.13, make of the second layer's sum is therefore the root of their squares'
    sum. A GELU's own error, here 8 u |h|, may always point the same way and is added up as it is: its argument, which
    is off by 6 u, enters as at most 3 u and a tanh of up to 4 ulp as 8 u, both halved by |h| / 2; the rest is rounding.

    Of bfloat16 and float16, the result is rounded, and the hidden layer may be: before the GELU and after it, as by
    PyTorch. Such an error is random, of a deviation below half of the most that it can be; 6 deviations of their sum
    are allowed.
    """
    narrow, rounding, least = x.dtype.itemsize == 2, BFLOAT16_UNIT, 0.0
    if x.dtype == np.float16:
        rounding, least = FLOAT16_UNIT, LEAST
    x, w1, b1, w2, b2 = map(_float32, (x, w1, b1, w2, b2))
    unit = float(np.finfo(np.float32).eps) / 2.0
    hidden, weights = _linear(x, w1, b1), np.abs(w2.astype(np.float64))
    first = _summation(len(w1) + 1) * unit * _linear(np.abs(x), np.abs(w1), np.abs(b1))
    random = np.sqrt(np.square(1.13 * first) @ np.square(weights))
    biased = 8.0 * unit * np.abs(hidden) @ weights
    second = _summation(len(w2) + 1) * unit * (np.abs(_gelu(hidden)) @ weights + np.abs(b2))
    error = random + biased + second
    if not narrow:
        return (error,)
    roundings = np.square(_slope(hidden) * hidden) + np.square(_gelu(hidden))
    error += 3.0 * np.sqrt((np.square(rounding) * roundings + 2.0 * least**2) @ np.square(weights))
    (exact,) = reference(x, w1, b1, w2, b2)
    return (error + np.maximum(rounding * (np.abs(exact) + error), least),)


def _float32(array: Array) -> Array:
    """float32 as it is; float16 converted; bfloat16, or its bits as whole numbers, as the float32 that it begins."""
    if array.dtype == np.float16:
        return array.astype(np.float32)
    return array if array.dtype.itemsize > 2 else (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def _linear(x: Array, w: Array, b: Array) -> Array:
    product: Array = x.astype(np.float64) @ w.astype(np.float64) + b
    return product


def _gelu(h: Array) -> Array:
    return 0.5 * h * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (h + 0.044715 * h**3)))


def _slope(h: Array) -> Array:
    """The derivative of the GELU."""
    tanh, scale = np.tanh(math.sqrt(2.0 / math.pi) * (h + 0.044715 * h**3)), math.sqrt(2.0 / math.pi)
    return 0.5 * (1.0 + tanh) + 0.5 * h * (1.0 - tanh**2) * scale * (1.0 + 3.0 * 0.044715 * h**2)


def _summation(terms: int) -> float:
    """In units: the error of a sum, in any order, relative to its terms' magnitudes."""
    return min(terms + 1.0, 8.0 * math.sqrt(terms))
