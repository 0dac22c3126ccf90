"""What references know of precision: the values that narrow dtypes stand for, roundings, and errors of sums.

A reference computes with what numpy's arrays and PyTorch's tensors have in common, so that it is computed where its
inputs are: those of large sizes take a CPU minutes and a GPU seconds. Arrays need numpy alone, and are what is written
of below; tensors are meant as well.
"""

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

UNIT = 2.0**-24
"""How far off a number is, at most and relatively, that is rounded to float32: half of its machine epsilon."""

NARROW = {"bfloat16": (2.0**-8, 0.0), "float16": (2.0**-11, 2.0**-25)}
"""The same for narrower dtypes, and how far off those below the dtype's normal numbers are; bfloat16's are tiny."""

BITS = {"uint16": "bfloat16", "uint8": "float8_e4m3fn"}
"""Dtypes that numpy may not know come as their bits, in whole numbers."""


def library(array: Any) -> Any:
    """numpy, or PyTorch for its tensors; only functions are used that both have by the same name."""
    return np if isinstance(array, np.ndarray) else sys.modules["torch"]


def kind(array: Any) -> str:
    """The name of an array's dtype."""
    name = str(array.dtype).removeprefix("torch.")
    return BITS.get(name, name)


def exact(array: Any) -> Any:
    """In float64."""
    if library(array) is not np:
        return array.double()
    if kind(array) == "bfloat16":  # a float32 begins with it
        array = (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    if kind(array) == "float8_e4m3fn":  # sign and the rest are those of a float16 that is 2^8 times too small
        bits = array.view(np.uint8).astype(np.uint16)
        array = 2.0**8 * ((bits & 0x80) << 8 | (bits & 0x7F) << 7).view(np.float16).astype(np.float64)
    return array.astype(np.float64)


def rounded(array: Any, name: str) -> Any:
    """float32's numbers, in float64, rounded to the nearest of bfloat16 or float16, to an even one from halfway."""
    if library(array) is not np:
        return array.float().to(getattr(library(array), name)).double()
    if name == "float16":
        return array.astype(np.float16).astype(np.float64)
    bits = array.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32).astype(np.float64)


def rounding(size: Any, name: str) -> Any:
    """The most that numbers of this magnitude change which are rounded from float32 to the dtype of this name."""
    if name not in NARROW:
        return 0.0
    unit, least = NARROW[name]
    return (unit * size).clip(min=least)


def summation(terms: int) -> float:
    """In units: the error of a sum in float32, relative to the sum of its terms' magnitudes.

    It is the lesser of the bound that holds for every order of summation, (n + 1) u, and the probabilistic one,
    8 sqrt(n) u, which fails less than once in 10^13 sums (Higham and Mary 2019, theorem 2.4).
    """
    return min(terms + 1.0, 8.0 * math.sqrt(terms))
