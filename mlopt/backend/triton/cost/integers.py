"""The arithmetic of Triton's IR on whole numbers, for many programs at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]
"""Shape (programs or 1, *tile)."""

BINARY: Mapping[str, Callable[[Numbers, Numbers], Numbers]] = {
    "addi": np.add,
    "subi": np.subtract,
    "muli": np.multiply,
    "divsi": lambda a, b: quotient(a, b),
    "divui": lambda a, b: quotient(a, b),
    "remsi": lambda a, b: a - quotient(a, b) * b,
    "remui": lambda a, b: a - quotient(a, b) * b,
    "ceildivsi": lambda a, b: -((-a) // np.where(b == 0, 1, b)),
    "floordivsi": lambda a, b: a // np.where(b == 0, 1, b),
    "minsi": np.minimum,
    "minui": np.minimum,
    "maxsi": np.maximum,
    "maxui": np.maximum,
    "andi": lambda a, b: a & b,
    "ori": lambda a, b: a | b,
    "xori": lambda a, b: a ^ b,
    "shli": np.left_shift,
    "shrsi": np.right_shift,
    "shrui": np.right_shift,
}
COMPARISONS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "slt": np.less,
    "ult": np.less,
    "sle": np.less_equal,
    "ule": np.less_equal,
    "sgt": np.greater,
    "ugt": np.greater,
    "sge": np.greater_equal,
    "uge": np.greater_equal,
}
KEEP = {"extsi", "extui", "trunci", "index_cast", "index_castui", "bitcast", "ptr_to_int", "int_to_ptr"}
"""Operations that leave a number as it is."""


def carried_on(first: Numbers | None, second: Numbers | None, count: Numbers) -> Numbers | None:
    """A value after so many turns, of which each adds what the first one did."""
    if first is None or second is None:
        return None
    rank = max(first.ndim, second.ndim)
    last: Numbers = first + (second - first) * np.asarray(count).reshape(-1, *(1,) * (rank - 1))
    return last


def quotient(a: Numbers, b: Numbers) -> Numbers:
    """Rounded towards zero, as machines do; 0 for a division by 0, which no program means."""
    b = np.where(b == 0, 1, b)
    found: Numbers = np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))
    return found
