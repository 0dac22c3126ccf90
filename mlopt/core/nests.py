"""Loop nests as plain data: what a learner may see of a program, whatever its language."""

from __future__ import annotations

from dataclasses import dataclass

Row = tuple[int, ...]
"""One subscript of an access: the coefficient of each loop."""


@dataclass(frozen=True, slots=True)
class Operand:
    """One tensor that a nest reads or writes: its matrix of subscripts by loops."""

    rows: tuple[Row, ...]
    itemsize: int
    """Bytes of an element."""


@dataclass(frozen=True, slots=True)
class Nest:
    """A perfect loop nest around a scalar body."""

    sizes: tuple[int, ...]
    """Iterations of each loop."""
    reductions: frozenset[int]
    """The loops that carry a sum, or the like."""
    reads: tuple[Operand, ...]
    writes: tuple[Operand, ...]
    operations: tuple[str, ...]
    """The arithmetic of the body, by MLIR's names."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a decision is about."""

    nest: Nest
    loop: int | None = None
    """The loop of the nest that it is about, if it is just one."""
    producer: Nest | None = None
    """The nest that computes what this one reads; the last one, if there are several."""
