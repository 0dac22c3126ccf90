"""What scaled dot-product attention should be, on numpy alone; heads of queries may share keys and values."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def reference(q: Array, k: Array, v: Array, *, causal: bool = False, window: int | None = None) -> tuple[Array, ...]:
    """Q of shape (batch, heads, seq, dim), or (batch, heads, dim) for one query; K and V (batch, kv_heads, keys, dim).

    The result has the shape of Q and is in float64. Query i stands at i + keys - seq; with `causal` it sees no later
    key, with a window of w no key that is w or more before it.
    """
    weights = _weights(_scores(q, k, causal, window))
    return ((weights @ v.astype(np.float64)).reshape(q.shape),)


def tolerance(q: Array, k: Array, v: Array, *, causal: bool = False, window: int | None = None) -> tuple[Array, ...]:
    """The error allowed in each element, in the shape of Q, with u half the dtype's machine epsilon.

    A sum of n terms in any order is off by s(n), the lesser of (n + 1) u and 8 sqrt(n) u, relative to their
    magnitudes. So a score is off by s(dim) + 4 u relative to the sum of the magnitudes of its terms; its weight is
    off by as much, relatively, and by 4 u (|score| + |max|) for the exponent's rounding, even as a power of two, and
    8 u for an exponential of up to 4 ulp. The result, a mean of values, carries the weights' errors, once as weights
    and once through their sum, s(keys) of both sums, and 9 u for each time that a running maximum changes, about
    log2(keys) times.
    """
    unit, values = float(np.finfo(q.dtype).eps) / 2.0, np.abs(v.astype(np.float64))
    scores = _scores(q, k, causal, window)
    weights = _weights(scores)
    seen = np.isfinite(scores)
    exponents = np.where(seen, np.abs(scores), 0.0) + np.abs(scores.max(axis=-1, keepdims=True))
    magnitudes = _scores(np.abs(q), np.abs(k), causal=False, window=None)
    errors = weights * ((_summation(q.shape[-1]) + 4.0) * magnitudes + 4.0 * exponents + 8.0)
    sums = 2.0 * _summation(k.shape[2]) + 9.0 * math.log2(k.shape[2]) + 4.0
    mean = weights @ values
    total = errors @ values + (errors.sum(axis=-1, keepdims=True) + sums) * mean
    return (unit * total.reshape(q.shape),)


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
