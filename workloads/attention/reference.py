"""What scaled dot-product attention should be, on numpy alone; heads of queries may share keys and values."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BFLOAT16_UNIT, FLOAT16_UNIT = 2.0**-8, 2.0**-11
"""How far off a number is, at most and relatively, that is rounded to bfloat16's 8 binary digits, or float16's 11."""

LEAST = 2.0**-25
"""How far off a number below float16's normal ones is, at most, that is rounded to it."""


def reference(q: Array, k: Array, v: Array, *, causal: bool = False, window: int | None = None) -> tuple[Array, ...]:
    """Q of shape (batch, heads, seq, dim), or (batch, heads, dim) for one query; K and V (batch, kv_heads, keys, dim).

    The result has the shape of Q and is in float64. Query i stands at i + keys - seq; with `causal` it sees no later
    key, with a window of w no key that is w or more before it.
    """
    q, k, v = map(_float32, (q, k, v))
    weights = _weights(_scores(q, k, causal, window))
    return ((weights @ v.astype(np.float64)).reshape(q.shape),)


def tolerance(q: Array, k: Array, v: Array, *, causal: bool = False, window: int | None = None) -> tuple[Array, ...]:
    """The error allowed in each element, in the shape of Q, with u half of float32's machine epsilon.

    A sum of n terms in any order is off by s(n), the lesser of (n + 1) u and 8 sqrt(n) u, relative to their
    magnitudes. So a score is off by s(dim) + 4 u relative to the sum of the magnitudes of its terms; its weight is
    off by as much, relatively, and by 4 u (|score| + |max|) for the exponent's rounding, even as a power of two, and
    8 u for an exponential of up to 4 ulp. The result, a mean of values, carries the weights' errors, once as weights
    and once through their sum, s(keys) of both sums, and 9 u for each time that a running maximum changes, about
    log2(keys) times.

    Of bfloat16 and float16, the result is rounded, and the weights may be, as by PyTorch. Such an error is random, of a
    deviation below half of the most that it can be; 6 deviations of their sum are allowed.
    """
    narrow, rounding, least = q.dtype.itemsize == 2, BFLOAT16_UNIT, 0.0
    if q.dtype == np.float16:
        rounding, least = FLOAT16_UNIT, LEAST
    q, k, v = map(_float32, (q, k, v))
    unit, values = float(np.finfo(np.float32).eps) / 2.0, np.abs(v.astype(np.float64))
    scores = _scores(q, k, causal, window)
    weights = _weights(scores)
    seen = np.isfinite(scores)
    exponents = np.where(seen, np.abs(scores), 0.0) + np.abs(scores.max(axis=-1, keepdims=True))
    magnitudes = _scores(np.abs(q), np.abs(k), causal=False, window=None)
    errors = weights * ((_summation(q.shape[-1]) + 4.0) * magnitudes + 4.0 * exponents + 8.0)
    sums = 2.0 * _summation(k.shape[2]) + 9.0 * math.log2(k.shape[2]) + 4.0
    mean = weights @ values
    total = errors @ values + (errors.sum(axis=-1, keepdims=True) + sums) * mean
    error = unit * total.reshape(q.shape)
    if not narrow:
        return (error,)
    # A weight is rounded before it is divided by their sum, of which the largest weight is the inverse.
    roundings = np.square(rounding * weights) + np.square(seen * least * weights.max(axis=-1, keepdims=True))
    error += 3.0 * np.sqrt(roundings @ np.square(values)).reshape(q.shape)
    (exact,) = reference(q, k, v, causal=causal, window=window)
    return (error + np.maximum(rounding * (np.abs(exact) + error), least),)


def _float32(array: Array) -> Array:
    """float32 as it is; float16 converted; bfloat16, or its bits as whole numbers, as the float32 that it begins."""
    if array.dtype == np.float16:
        return array.astype(np.float32)
    return array if array.dtype.itemsize > 2 else (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def _scores(q: Array, k: Array, causal: bool, window: int | None) -> Array:
    """Shape (batch, kv_heads, group * seq, keys), in float64; -inf where a query does not see a key."""
    batch, kv_heads, keys, dim = k.shape
    rows = q.astype(np.float64).reshape(batch, kv_heads, -1, dim)
    scores = rows @ k.astype(np.float64).swapaxes(-1, -2) / math.sqrt(dim)
    seq = q.shape[2] if q.ndim == 4 else 1
    back = np.arange(seq)[:, None] + (keys - seq) - np.arange(keys)
    seen = (back >= 0 if causal else np.full_like(back, True)) & (back < (window or np.inf))
    return np.where(np.tile(seen, (rows.shape[2] // seq, 1)), scores, -np.inf)


def _weights(scores: Array) -> Array:
    """The softmax of each row."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights: Array = powers / powers.sum(axis=-1, keepdims=True)
    return weights


def _summation(terms: int) -> float:
    """In units: the error of a sum, in any order, relative to its terms' magnitudes."""
    return min(terms + 1.0, 8.0 * math.sqrt(terms))
