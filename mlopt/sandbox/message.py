"""Plain data and arrays as bytes, to be read without trust: nothing in them is ever run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..protocols import Array

_LENGTH = 8
"""Bytes that say how long the text is which follows them; the arrays' own bytes follow that."""
MOST_ARRAYS = 64
MOST_DIMENSIONS = 32


class NoMessage(ValueError):
    """What came cannot be read."""


def pack(plain: Mapping[str, Any], arrays: Sequence[Array] = ()) -> bytes:
    """`plain` holds what JSON can."""
    specs = [{"dtype": array.dtype.name, "shape": list(array.shape)} for array in arrays]
    text = json.dumps({"plain": plain, "arrays": specs}).encode()
    contents = (np.ascontiguousarray(array).tobytes() for array in arrays)
    return b"".join((len(text).to_bytes(_LENGTH, "big"), text, *contents))


def unpack(content: bytes) -> tuple[dict[str, Any], list[Array]]:
    """What `pack` was given. Raises NoMessage for bytes of any other origin."""
    try:
        end = _LENGTH + int.from_bytes(content[:_LENGTH], "big")
        found = json.loads(content[_LENGTH:end])
        plain, specs = found["plain"], found["arrays"]
        if not isinstance(plain, dict) or not isinstance(specs, list) or len(specs) > MOST_ARRAYS:
            raise NoMessage("no message")
        arrays = []
        for spec in specs:
            array = _array(spec, content, end)
            end += array.nbytes
            arrays.append(array)
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
        raise NoMessage(f"{type(error).__name__}: {error}") from None
    return plain, arrays


def _array(spec: Mapping[str, Any], content: bytes, start: int) -> Array:
    """A copy, which may be written to."""
    dtype, shape = np.dtype(spec["dtype"]), spec["shape"]
    if dtype.hasobject or not dtype.itemsize or dtype.names is not None or len(shape) > MOST_DIMENSIONS:
        raise NoMessage("an array of no numbers")
    if any(type(size) is not int or size < 0 for size in shape):
        raise NoMessage("an array of no shape")
    end = start + math.prod(shape) * dtype.itemsize
    if end > len(content):
        raise NoMessage("an array that is cut short")
    return np.frombuffer(content[start:end], dtype).reshape(shape).copy()
