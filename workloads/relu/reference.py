"""What a rectified linear unit should be, on numpy alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def reference(x: Array) -> tuple[Array, ...]:
    """max(x, 0) for each element, in float64."""
    return (np.maximum(x.astype(np.float64), 0.0),)


def tolerance(x: Array) -> tuple[Array, ...]:
    """No error at all: the result is an input or zero."""
    return (np.zeros(x.shape),)
