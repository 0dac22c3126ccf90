"""What normalisation by the root mean square should be."""

from mlopt.workloads.precision import UNIT, Array, exact, kind, library, rounding, summation

EPSILON = 1e-5


def reference(x: Array, gamma: Array) -> tuple[Array, ...]:
    """Each row of x, shape (rows, cols), by the root of its mean square, times gamma, shape (cols,); in float64."""
    values = exact(x)
    return (values / library(values).sqrt((values**2).mean(axis=1, keepdims=True) + EPSILON) * exact(gamma),)


def tolerance(x: Array, gamma: Array) -> tuple[Array, ...]:
    """The error allowed in each element, shape (rows, cols), with u half of float32's machine epsilon.

    A mean of n squares is off by the lesser of n + 1 and 8 sqrt(n), plus 2, times u, relatively, in every order of
    summation; half of that gets into its inverse root, with 8 u more for a root of up to 4 ulp. Three roundings follow,
    and one to a narrower dtype.
    """
    root_error = 0.5 * (summation(x.shape[1]) + 2.0) + 8.0
    (result,) = reference(x, gamma)
    error = UNIT * (root_error + 3.0) * abs(result)
    return (error + rounding(abs(result) + error, kind(x)),)
