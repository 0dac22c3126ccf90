"""What a Gaussian error linear unit should be, on numpy alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def reference(x: Array) -> tuple[Array, ...]:
    """x (1 + erf(x / sqrt 2)) / 2 for each element, in float64."""
    exact = x.astype(np.float64)
    return (exact * np.vectorize(math.erfc, otypes=[np.float64])(-exact * math.sqrt(0.5)) / 2.0,)


def tolerance(x: Array) -> tuple[Array, ...]:
    """The error allowed in each element, with u half the dtype's machine epsilon.

    An error function of up to 4 ulp is off by at most 8 u, and by u more since its argument was rounded twice (that is
    2 u z erf'(z), and z erf'(z) < 0.5). Half of |x| carries this over: 4.5 u |x|, here 5 u |x|. The addition and the
    products that follow add 3 u |y|; a complementary error function in place of 1 + erf is off by 8 u |y| instead.
    """
    unit = float(np.finfo(x.dtype).eps) / 2.0
    return (unit * (5.0 * np.abs(x.astype(np.float64)) + 9.0 * np.abs(reference(x)[0])),)
