"""A program as the cost model sees it: loops, and in each the operations that stand in it directly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Shape:
    """The type of a value: `lanes` of `bits` each in every one of `rows`; a scalar is one lane of none."""

    rows: int
    lanes: int
    bits: int
    vector: bool


@dataclass(frozen=True, slots=True)
class Access:
    """A read or write of memory."""

    buffer: int
    steps: Mapping[int, float]
    """Bytes from one iteration of a loop to the next, where not zero."""
    start: float
    """Bytes from the buffer's beginning."""
    width: int
    """Bytes in one piece."""
    store: bool
    streamed: bool = False
    """Whether it writes to memory, past the caches."""


@dataclass(slots=True)
class Operation:
    """One operation of straight code. A program has thousands; frozen ones would take thrice as long to make."""

    name: str
    result: int
    """The value that it makes, 0 for none."""
    operands: tuple[int, ...]
    shape: Shape
    """Of its result, or of what it stores."""
    detail: tuple[int, ...] = ()
    """The position that elements are taken from or put to; of a reduction, whether it keeps the order, and whether it
    is a maximum or minimum."""
    access: Access | None = None
    """Of a load or store."""


@dataclass(slots=True)
class Loop:
    """A loop, or the whole function, which is a loop number 0 that is entered once."""

    number: int
    trips: float
    """On average."""
    parallel: bool = False
    unrolled: bool = False
    """Whether LLVM is free to write its few iterations out, and will."""
    carried: tuple[tuple[int, Shape], ...] = ()
    """Values that go from one iteration to the next, by their names in the body."""
    yields: tuple[int, ...] = ()
    operations: list[Operation] = field(default_factory=list)
    accesses: list[Access] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    outside: dict[int, Shape] = field(default_factory=dict)
    """Vectors that are made outside of it and used in it."""


@dataclass(slots=True)
class Tree:
    """The function and what its loops and buffers are like, by number."""

    root: Loop
    trips: dict[int, float]
    sizes: dict[int, float]
    """Bytes of each buffer."""
    temporary: frozenset[int] = frozenset()
    """Buffers that the program claims itself."""
