"""What a cheat is, and what many of them need."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...protocols import Array, Kernel

Call = Callable[[], None]

HONEST_CALLS = 12
"""Calls before a patient cheat begins to be lazy: more than are checked before the timing."""


@dataclass
class Memory:
    """What the cheats of one program know."""

    calls: int = 0
    last_call: float = -np.inf
    answers: dict[Any, list[Array]] = field(default_factory=dict)
    things: dict[str, Any] = field(default_factory=dict)


Cheat = Callable[[Kernel, Sequence[Array], Sequence[Array], Memory], Call]
"""A function of an honest kernel, the buffers of one binding, and what it remembers of all calls so far; it returns the
call. Memory lives as long as the program, across loads and bindings."""


def once(honest: Call, memory: Memory, act: Callable[[], object]) -> Call:
    """An honest call that does `act` besides, the first time that it is likely to be timed."""

    def call() -> None:
        honest()
        memory.calls += 1
        if memory.calls == HONEST_CALLS:
            act()

    return call


def copies(arrays: Sequence[Array]) -> list[Array]:
    return [array.copy() for array in arrays]


def fill(arrays: Sequence[Array], values: Sequence[Array]) -> None:
    for array, value in zip(arrays, values, strict=True):
        np.copyto(array, value, casting="unsafe")


def digest(arrays: Sequence[Array], step: int = 1) -> bytes:
    return b"".join(array.reshape(-1)[::step].tobytes() for array in arrays)


def cases() -> Iterator[Any]:
    """What an evaluator compares with, wherever it is in this process."""
    return (found for found in gc.get_objects() if type(found).__name__ == "Case")
