"""What two linear layers with a GELU between them should be."""

import math
from typing import Any

from mlopt.workloads.precision import NARROW, UNIT, Array, exact, kind, library, rounding, summation

SCALE = math.sqrt(2.0 / math.pi)


def reference(x: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> tuple[Array, ...]:
    """gelu(x w1 + b1) w2 + b2, shape (m, d_model), in float64; x of shape (m, d_model), w1 of shape (d_model, d_ff)."""
    x, w1, b1, w2, b2 = map(exact, (x, w1, b1, w2, b2))
    return (_gelu(x @ w1 + b1) @ w2 + b2,)


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
    narrow = kind(x)
    x, w1, b1, w2, b2 = map(exact, (x, w1, b1, w2, b2))
    hidden, weights, sqrt = x @ w1 + b1, abs(w2), library(x).sqrt
    first = UNIT * summation(len(w1) + 1) * (abs(x) @ abs(w1) + abs(b1))
    random = sqrt((1.13 * first) ** 2 @ weights**2)
    biased = 8.0 * UNIT * abs(hidden) @ weights
    second = UNIT * summation(len(w2) + 1) * (abs(_gelu(hidden)) @ weights + abs(b2))
    error = random + biased + second
    if narrow not in NARROW:
        return (error,)
    unit, least = NARROW[narrow]
    roundings = (_slope(hidden) * hidden) ** 2 + _gelu(hidden) ** 2
    error = error + 3.0 * sqrt((unit**2 * roundings + 2.0 * least**2) @ weights**2)
    return (error + rounding(abs(_gelu(hidden) @ w2 + b2) + error, narrow),)


def _gelu(h: Any) -> Any:
    return 0.5 * h * (1.0 + _tanh(h))


def _slope(h: Any) -> Any:
    """The derivative of the GELU."""
    tanh = _tanh(h)
    return 0.5 * (1.0 + tanh) + 0.5 * h * (1.0 - tanh**2) * SCALE * (1.0 + 3.0 * 0.044715 * h**2)


def _tanh(h: Any) -> Any:
    return library(h).tanh(SCALE * (h + 0.044715 * h**3))
