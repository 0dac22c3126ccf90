"""What a Gaussian error linear unit should be."""

import math
from typing import Any

import numpy as np

from mlopt.workloads.precision import UNIT, Array, exact, kind, library, rounding


def reference(x: Array) -> tuple[Array, ...]:
    """x (1 + erf(x / sqrt 2)) / 2 for each element, in float64."""
    value = exact(x)
    return (value * _erfc(-value * math.sqrt(0.5)) / 2.0,)


def tolerance(x: Array) -> tuple[Array, ...]:
    """The error allowed in each element, with u half of float32's machine epsilon.

    An error function of up to 4 ulp is off by at most 8 u, and by u more since its argument was rounded twice (that is
    2 u z erf'(z), and z erf'(z) < 0.5). Half of |x| carries this over: 4.5 u |x|, here 5 u |x|. The addition and the
    products that follow add 3 u |y|; a complementary error function in place of 1 + erf is off by 8 u |y| instead. A
    narrower dtype adds its rounding.
    """
    result = abs(reference(x)[0])
    error = UNIT * (5.0 * abs(exact(x)) + 9.0 * result)
    return (error + rounding(result + error, kind(x)),)


def _erfc(x: Any) -> Any:
    """The complementary error function, which numpy does not have."""
    function = np.vectorize(math.erfc, otypes=[np.float64]) if library(x) is np else library(x).erfc
    return function(x)
