"""What scaled dot-product attention should be, on numpy alone; heads of queries may share keys and values."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BFLOAT16_UNIT, FLOAT16_UNIT = 2.0**-8, 2.0**-11
"""How far off a number is, at most and relatively, that is rounded to bfloat16's 8 binary digits, or float16's 11."""

LEAST = 2.0**-25
"""How far off a number below float16's normal ones is, at most, that is rounded to it."""

HELD = 1 << 22
"""Scores that are held at a time: those of long sequences would not fit into memory together."""


def reference(q: Array, k: Array, v: Array, *, causal: bool = False, window: int | None = None) -> tuple[Array, ...]:
    """Q of shape (batch, heads, seq, dim), or (batch, heads, dim) for one query; K and V (batch, kv_heads, keys, dim).

    The result has the shape of Q and is in float64. Query i stands at i + keys - seq; with `causal` it sees no later
    key, with a window of w no key that is w or more before it.
    """
    return (_in_blocks(lambda q, k, v, seen: _weights(_scores(q, k, seen)) @ v, q, k, v, causal, window),)


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
    rounding, least = {"float32": (0.0, 0.0), "float16": (FLOAT16_UNIT, LEAST)}.get(q.dtype.name, (BFLOAT16_UNIT, 0.0))
    unit = float(np.finfo(np.float32).eps) / 2.0

    def allowed(q: Array, k: Array, v: Array, seen: Array) -> Array:
        values, scores = np.abs(v), _scores(q, k, seen)
        weights = _weights(scores)
        exponents = np.where(seen, np.abs(scores), 0.0) + np.abs(scores.max(axis=-1, keepdims=True))
        magnitudes = _scores(np.abs(q), np.abs(k), np.full_like(seen, True))
        errors = weights * ((_summation(q.shape[-1]) + 4.0) * magnitudes + 4.0 * exponents + 8.0)
        sums = 2.0 * _summation(len(k)) + 9.0 * math.log2(len(k)) + 4.0
        error: Array = unit * (errors @ values + (errors.sum(axis=-1, keepdims=True) + sums) * (weights @ values))
        if not rounding:
            return error
        # A weight is rounded before it is divided by their sum, of which the largest weight is the inverse.
        roundings = np.square(rounding * weights) + np.square(seen * least * weights.max(axis=-1, keepdims=True))
        error += 3.0 * np.sqrt(roundings @ np.square(values))
        error += np.maximum(rounding * (np.abs(weights @ v) + error), least)
        return error

    return (_in_blocks(allowed, q, k, v, causal, window),)


def _in_blocks(
    function: Callable[[Array, Array, Array, Array], Array],
    q: Array,
    k: Array,
    v: Array,
    causal: bool,
    window: int | None,
) -> Array:
    """What a function makes of all queries, in the shape of Q, in float64.

    It is given some of them, shape (n, dim), their head's keys and values, shape (keys, dim), all in float64, and
    which keys each query sees, shape (n, keys); it makes an array of shape (n, dim).
    """
    (batch, kv_heads, keys, dim), seq = k.shape, q.shape[2] if q.ndim == 4 else 1
    rows = q.reshape(batch, kv_heads, -1, dim)
    result, step = np.empty(rows.shape), max(1, HELD // keys)
    for head in np.ndindex(batch, kv_heads):
        own_keys, own_values = _float64(k[head]), _float64(v[head])
        for first in range(0, rows.shape[2], step):
            some = slice(first, first + step)
            position = np.arange(rows.shape[2])[some, None] % seq + keys - seq
            back = position - np.arange(keys)
            seen = (back >= 0 if causal else np.ones(back.shape, bool)) & (back < (window or np.inf))
            result[head][some] = function(_float64(rows[head][some]), own_keys, own_values, seen)
    return result.reshape(q.shape)


def _float64(array: Array) -> Array:
    """In float64; bfloat16, or its bits as whole numbers, by way of the float32 that it begins."""
    if array.dtype.itemsize == 2 and array.dtype != np.float16:
        array = (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float64)


def _scores(q: Array, k: Array, seen: Array) -> Array:
    """Shape (n, keys); -inf where a query does not see a key."""
    return np.where(seen, q @ k.T / math.sqrt(q.shape[-1]), -np.inf)


def _weights(scores: Array) -> Array:
    """The softmax of each row."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights: Array = powers / powers.sum(axis=-1, keepdims=True)
    return weights


def _summation(terms: int) -> float:
    """In units: the error of a sum, in any order, relative to its terms' magnitudes."""
    return min(terms + 1.0, 8.0 * math.sqrt(terms))
