"""What an element-wise sum should be."""

from mlopt.workloads.precision import UNIT, Array, exact, kind, rounding


def reference(x: Array, y: Array) -> tuple[Array, ...]:
    """The sum of two tensors of one shape, in float64."""
    return (exact(x) + exact(y),)


def tolerance(x: Array, y: Array) -> tuple[Array, ...]:
    """The error of one rounding to float32, u |x + y|, and of one to the dtype, where that is narrower."""
    (result,) = reference(x, y)
    error = UNIT * abs(result)
    return (error + rounding(abs(result) + error, kind(x)),)
