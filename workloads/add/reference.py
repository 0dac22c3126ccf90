"""What an element-wise sum should be, on numpy alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def reference(x: Array, y: Array) -> tuple[Array, ...]:
    """The sum of two tensors of one shape, in float64."""
    return (x.astype(np.float64) + y.astype(np.float64),)


def tolerance(x: Array, y: Array) -> tuple[Array, ...]:
    """The error of one rounding: u |x + y|, where u is half the dtype's machine epsilon."""
    return (float(np.finfo(x.dtype).eps) / 2.0 * np.abs(reference(x, y)[0]),)
