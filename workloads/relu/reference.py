"""What a rectified linear unit should be, on numpy alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def reference(x: Array) -> tuple[Array, ...]:
    """max(x, 0) for each element, in float64."""
    return (np.maximum(_exact(x), 0.0),)


def tolerance(x: Array) -> tuple[Array, ...]:
    """No error at all: the result is an input or zero."""
    return (np.zeros(x.shape),)


def _exact(array: Array) -> Array:
    """In float64; bfloat16 may come as its bits, whole numbers."""
    bits = array.dtype == np.uint16
    return (array.astype(np.uint32) << 16).view(np.float32).astype(np.float64) if bits else array.astype(np.float64)
