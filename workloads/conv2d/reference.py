"""What a convolution should be, on numpy alone."""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def reference(image: Array, filters: Array, *, stride: int, layout: str) -> tuple[Array, ...]:
    """An image in this layout, nchw or nhwc, with filters in fchw or hwcf: the image that results, in float64."""
    if layout == "nchw":
        last = _correlate(image.transpose(0, 2, 3, 1), filters.transpose(2, 3, 1, 0), stride)
        return (np.ascontiguousarray(last.transpose(0, 3, 1, 2)),)
    return (_correlate(image, filters, stride),)


def tolerance(image: Array, filters: Array, *, stride: int, layout: str) -> tuple[Array, ...]:
    """The error allowed in each element: 8 sqrt(k) u times the sum of the magnitudes of its k = c kh kw terms.

    This is the probabilistic bound of a dot product in any order of summation, u being half the dtype's machine
    epsilon. There is no narrower one for few terms or whole numbers: Winograd's algorithm rounds its transforms.
    """
    terms = filters.size // filters.shape[0 if layout == "nchw" else 3]
    (magnitude,) = reference(np.abs(image), np.abs(filters), stride=stride, layout=layout)
    return (8.0 * math.sqrt(terms) * float(np.finfo(image.dtype).eps) / 2.0 * magnitude,)


def _correlate(image: Array, filters: Array, stride: int) -> Array:
    """An image of shape (n, h, w, c), filters (kh, kw, c, f): a matrix product for each of the kh kw places."""
    exact, weights = image.astype(np.float64), filters.astype(np.float64)
    high = exact.shape[1] - filters.shape[0] + 1
    wide = exact.shape[2] - filters.shape[1] + 1
    places = np.ndindex(*filters.shape[:2])
    products = (exact[:, i : i + high : stride, j : j + wide : stride] @ weights[i, j] for i, j in places)
    total: Array = functools.reduce(np.add, products)
    return total
