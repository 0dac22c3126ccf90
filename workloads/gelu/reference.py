"""What a Gaussian error linear unit should be, on numpy alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

UNIT = 2.0**-24
"""Half of float32's machine epsilon."""


def reference(x: Array) -> tuple[Array, ...]:
    """x (1 + erf(x / sqrt 2)) / 2 for each element, in float64."""
    exact = _exact(x)
    return (exact * np.vectorize(math.erfc, otypes=[np.float64])(-exact * math.sqrt(0.5)) / 2.0,)


def tolerance(x: Array) -> tuple[Array, ...]:
    """The error allowed in each element, with u half of float32's machine epsilon.

    An error function of up to 4 ulp is off by at most 8 u, and by u more since its argument was rounded twice (that is
    2 u z erf'(z), and z erf'(z) < 0.5). Half of |x| carries this over: 4.5 u |x|, here 5 u |x|. The addition and the
    products that follow add 3 u |y|; a complementary error function in place of 1 + erf is off by 8 u |y| instead. A
    narrower dtype adds its rounding.
    """
    result = np.abs(reference(x)[0])
    error = UNIT * (5.0 * np.abs(_exact(x)) + 9.0 * result)
    return (error + _rounding(result + error, x.dtype),)


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
