"""What scaled dot-product attention should be; heads of queries may share keys and values."""

import itertools
import math
from collections.abc import Callable
from typing import Any

from mlopt.workloads.precision import NARROW, UNIT, Array, exact, kind, library, rounding, summation

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
    narrow = kind(q)

    def allowed(q: Any, k: Any, v: Any, seen: Any) -> Any:
        of, values, scores = library(q), abs(v), _scores(q, k, seen)
        weights = _weights(scores)
        exponents = of.where(seen, abs(scores), 0.0) + abs(of.amax(scores, axis=-1, keepdims=True))
        magnitudes = _scores(abs(q), abs(k), of.ones_like(seen))
        errors = weights * ((summation(q.shape[-1]) + 4.0) * magnitudes + 4.0 * exponents + 8.0)
        sums = 2.0 * summation(len(k)) + 9.0 * math.log2(len(k)) + 4.0
        error = UNIT * (errors @ values + (errors.sum(axis=-1, keepdims=True) + sums) * (weights @ values))
        if narrow not in NARROW:
            return error
        unit, least = NARROW[narrow]
        # A weight is rounded before it is divided by their sum, of which the largest weight is the inverse.
        subnormal = of.where(seen, least * of.amax(weights, axis=-1, keepdims=True), 0.0)
        error = error + 3.0 * of.sqrt(((unit * weights) ** 2 + subnormal**2) @ v**2)
        return error + rounding(abs(weights @ v) + error, narrow)

    return (_in_blocks(allowed, q, k, v, causal, window),)


def _in_blocks(
    function: Callable[[Any, Any, Any, Any], Any], q: Array, k: Array, v: Array, causal: bool, window: int | None
) -> Any:
    """What a function makes of all queries, in the shape of Q, in float64.

    It is given some of them, shape (n, dim), their head's keys and values, shape (keys, dim), all in float64, and
    which keys each query sees, shape (n, keys); it makes an array of shape (n, dim).
    """
    (batch, kv_heads, keys, _), seq, of = k.shape, q.shape[2] if q.ndim == 4 else 1, library(q)
    rows = q.reshape(batch, kv_heads, -1, q.shape[-1])
    result, step = of.empty(rows.shape, dtype=of.float64, device=q.device), max(1, HELD // keys)
    positions = of.arange(rows.shape[2], device=q.device) % seq + keys - seq
    for head in itertools.product(range(batch), range(kv_heads)):
        own_keys, own_values = exact(k[head]), exact(v[head])
        for first in range(0, rows.shape[2], step):
            some = slice(first, first + step)
            back = positions[some, None] - of.arange(keys, device=q.device)
            seen = (back >= (0 if causal else -math.inf)) & (back < (window or math.inf))
            result[head][some] = function(exact(rows[head][some]), own_keys, own_values, seen)
    return result.reshape(q.shape)


def _scores(q: Any, k: Any, seen: Any) -> Any:
    """Shape (n, keys); -inf where a query does not see a key."""
    return library(q).where(seen, q @ k.T / math.sqrt(q.shape[-1]), -math.inf)


def _weights(scores: Any) -> Any:
    """The softmax of each row."""
    powers = library(scores).exp(scores - library(scores).amax(scores, axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
