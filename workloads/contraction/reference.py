"""What a contraction of two tensors should be, on numpy alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def reference(a: Array, b: Array, *, spec: str) -> tuple[Array, ...]:
    """The einsum of two operands, real or complex, in float64 or complex128."""
    exact = np.complex128 if np.iscomplexobj(a) else np.float64
    return (np.asarray(np.einsum(spec, a.astype(exact), b.astype(exact), optimize=True)),)


def tolerance(a: Array, b: Array, *, spec: str) -> tuple[Array, ...]:
    """The error allowed in the magnitude of each element, with u half the dtype's machine epsilon.

    A sum of k real terms in any order is off by the lesser of (k + 1) u and 8 sqrt(k) u, relative to the sum of their
    magnitudes. Of complex numbers, each part is a sum of twice as many terms, whose magnitudes add up to at most
    sum |a| |b|; both parts together are off by sqrt(2) times as much. Whole numbers whose sums stay below 1 / u are
    added without any error.
    """
    unit, is_complex = float(np.finfo(a.dtype).eps) / 2.0, np.iscomplexobj(a)
    (magnitude,) = reference(np.abs(a.astype(np.complex128)), np.abs(b.astype(np.complex128)), spec=spec)
    if magnitude.max() < 1.0 / unit and all(np.array_equal(part, np.rint(part)) for x in (a, b) for part in _parts(x)):
        return (np.zeros_like(magnitude),)
    inputs, output = spec.split("->")
    sizes = dict(zip(inputs.replace(",", ""), (*a.shape, *b.shape), strict=True))
    terms = math.prod(size for letter, size in sizes.items() if letter not in output) * (2 if is_complex else 1)
    return (math.sqrt(2.0 if is_complex else 1.0) * min(terms + 1.0, 8.0 * math.sqrt(terms)) * unit * magnitude,)


def _parts(x: Array) -> tuple[Array, Array]:
    return x.real, x.imag
