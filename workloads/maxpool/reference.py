"""What the maximum over windows should be, on numpy alone."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]


def reference(image: Array, *, k: int, stride: int) -> tuple[Array, ...]:
    """Maxima of windows of k by k, `stride` apart, of an image of shape (n, c, h, w), in float64."""
    windows = sliding_window_view(image.astype(np.float64), (k, k), axis=(2, 3))
    return (windows[:, :, ::stride, ::stride].max(axis=(-2, -1)),)


def tolerance(image: Array, *, k: int, stride: int) -> tuple[Array, ...]:
    """No error at all: each result is an input."""
    return (np.zeros_like(reference(image, k=k, stride=stride)[0]),)
