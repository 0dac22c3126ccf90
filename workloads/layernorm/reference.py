"""What layer normalisation should be."""

from mlopt.workloads.precision import UNIT, Array, exact, kind, library, rounding, summation

EPSILON = 1e-5


def reference(x: Array, gamma: Array, beta: Array) -> tuple[Array, ...]:
    """Each row of x, shape (rows, cols), normalised, times gamma, plus beta, both of shape (cols,); in float64."""
    values, gamma, beta = map(exact, (x, gamma, beta))
    deviation = values - values.mean(axis=1, keepdims=True)
    variance = (deviation**2).mean(axis=1, keepdims=True)
    return (deviation / library(values).sqrt(variance + EPSILON) * gamma + beta,)


def tolerance(x: Array, gamma: Array, beta: Array) -> tuple[Array, ...]:
    """The error allowed in each element, shape (rows, cols), with u half of float32's machine epsilon.

    A mean of n terms is off by s times their mean magnitude, where s = (the lesser of n + 1 and 8 sqrt(n), plus 2) u
    covers every order of summation; so is the mean of squares. The variance is off by 3 s mean(x^2) even where it is
    computed as a difference of such means, and half of that, relative to variance + 1e-5, gets into its inverse root,
    with 8 u more for a root of up to 4 ulp. Deviation, products and the last sum are rounded once each, the result once
    more to a narrower dtype.
    """
    values, factors, shifts = map(exact, (x, gamma, beta))
    mean_error = UNIT * (summation(x.shape[1]) + 2.0)
    deviation = values - values.mean(axis=1, keepdims=True)
    variance = (deviation**2).mean(axis=1, keepdims=True) + EPSILON
    root_error = 1.5 * mean_error * (values**2).mean(axis=1, keepdims=True) / variance + 8.0 * UNIT
    error = mean_error * abs(values).mean(axis=1, keepdims=True) + abs(deviation) * (root_error + 4.0 * UNIT)
    (result,) = reference(x, gamma, beta)
    error = abs(factors) / library(values).sqrt(variance) * error + UNIT * (abs(result) + abs(shifts))
    return (error + rounding(abs(result) + error, kind(x)),)
