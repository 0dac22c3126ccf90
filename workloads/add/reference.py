"""What an element-wise sum should be, on numpy alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

UNIT = 2.0**-24
"""Half of float32's machine epsilon."""


def reference(x: Array, y: Array) -> tuple[Array, ...]:
    """The sum of two tensors of one shape, in float64."""
    return (_exact(x) + _exact(y),)


def tolerance(x: Array, y: Array) -> tuple[Array, ...]:
    """The error of one rounding to float32, u |x + y|, and of one to the dtype, where that is narrower."""
    (result,) = reference(x, y)
    error = UNIT * np.abs(result)
    return (error + _rounding(np.abs(result) + error, x.dtype),)


def _exact(array: Array) -> Array:
    """In float64; bfloat16 may come as its bits, whole numbers."""
    bits = array.dtype == np.uint16
    return (array.astype(np.uint32) << 16).view(np.float32).astype(np.float64) if bits else array.astype(np.float64)


def _rounding(result: Array, dtype: Any) -> Array | float:
    """The most that a result changes which is rounded from float32 to float16 or bfloat16, below normal numbers too."""
    if dtype.itemsize > 2:
        return 0.0
    unit, least = (2.0**-11, 2.0**-25) if dtype == np.float16 else (2.0**-8, 0.0)
    rounding: Array = np.maximum(unit * np.abs(result), least)
    return rounding
