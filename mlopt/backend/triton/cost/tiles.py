"""The operations of Triton's IR that make, arrange and compare tiles of whole numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from .integers import COMPARISONS, Numbers
from .ttir import Operation, element_bytes, shape


def constant(operation: Operation) -> Numbers | None:
    literal = operation.text.partition(" : ")[0].strip().removeprefix("dense<").rstrip(">")
    literal = {"true": "1", "false": "0"}.get(literal, literal)
    if not re.fullmatch(r"-?\d+", literal):
        return None
    return np.full((1, *(1,) * len(shape(operation.types))), int(literal))


def compared(operation: Operation, a: Numbers, b: Numbers) -> Numbers:
    found: Numbers = COMPARISONS[operation.text.partition(",")[0].strip()](a, b)
    return found


def selected(operation: Operation, condition: Numbers, a: Numbers, b: Numbers) -> Numbers:
    return np.where(condition != 0, a, b)


def counted(operation: Operation) -> Numbers:
    bounds = dict(re.findall(r"(start|end) = (\d+)", operation.text))
    return np.arange(int(bounds["start"]), int(bounds["end"]))[None]


def splat(operation: Operation, value: Numbers) -> Numbers:
    rank = len(shape(operation.types.rpartition("->")[2]))
    return value.reshape(-1, *(1,) * rank)


def unsplat(operation: Operation, value: Numbers) -> Numbers:
    return value.reshape(len(value), -1)[:, 0]


def expanded(operation: Operation, value: Numbers) -> Numbers:
    axis = int(re.findall(r"axis = (\d+)", operation.text)[0])
    return np.expand_dims(value, axis + 1)


def broadcast(operation: Operation, value: Numbers) -> Numbers:
    return value  # numpy broadcasts when it must


def transposed(operation: Operation, value: Numbers) -> Numbers:
    order = [int(axis) + 1 for axis in re.findall(r"order = array<i32: ([\d, ]+)>", operation.text)[0].split(",")]
    return value.transpose(0, *order)


def reshaped(operation: Operation, value: Numbers) -> Numbers:
    before, _, after = operation.types.partition("->")
    return np.broadcast_to(value, (len(value), *shape(before))).reshape(len(value), *shape(after))


def moved(operation: Operation, pointer: Numbers, offset: Numbers) -> Numbers:
    found: Numbers = pointer + offset * element_bytes(operation.types.split(",")[0])
    return found


TILES: Mapping[str, Callable[..., Numbers | None]] = {
    "arith.constant": constant,
    "arith.cmpi": compared,
    "arith.select": selected,
    "tt.make_range": counted,
    "tt.splat": splat,
    "tt.unsplat": unsplat,
    "tt.expand_dims": expanded,
    "tt.broadcast": broadcast,
    "tt.trans": transposed,
    "tt.reshape": reshaped,
    "tt.addptr": moved,
}
"""By the operation's name: what it makes of its operands, shapes (programs or 1, *tile), all of which are known."""
