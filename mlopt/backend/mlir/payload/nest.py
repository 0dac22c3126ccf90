"""The loop nests of a program: what each linalg operation iterates over, reads and writes."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from .names import WIDEN

Row = tuple[int, ...]
"""One subscript of an access: the coefficient of each loop."""

VECTOR_DIALECTS = ("arith.", "math.")
"""Dialects whose operations work on vectors, element by element, as they do on scalars."""

LETTERS = "ijklmnopqrstuvwxyzabcdefghIJKLMNOPQRSTUVWXYZABCDEFGH"
"""Names of a nest's loops: the parallel ones in order, then the others; there may be no more of them."""


@dataclass(frozen=True)
class Access:
    """How a nest reads or writes one tensor: a matrix of subscripts by loops."""

    rows: tuple[Row, ...]
    shape: tuple[int, ...]
    dtype: str
    producer: str | None = None
    """The tag of the nest that computes the tensor, None for arguments and constants."""
    coefficients: bool = False
    """Whether the tensor is a small constant, such as the matrix of a transform."""
    offsets: tuple[int, ...] = ()
    """Of the subscripts, where any is not 0."""

    def plain(self, loop: int) -> int | None:
        """The subscript that is `loop` and nothing else, if that is all there is of it; None otherwise."""
        found = [position for position, row in enumerate(self.rows) if row[loop]]
        if len(found) != 1 or sum(map(abs, self.rows[found[0]])) != 1:
            return None
        return found[0]

    def varies_with(self, loop: int) -> bool:
        return any(row[loop] for row in self.rows)

    def walks(self, loop: int) -> bool:
        """Whether the next iteration of `loop` is the next element of some subscript."""
        return self.varies_with(loop) and all(row[loop] in (0, 1) for row in self.rows)

    @property
    def is_projection(self) -> bool:
        """Whether every subscript is a loop of its own (or a constant)."""
        plain = all(sum(map(abs, row)) <= 1 and min(row, default=0) >= 0 for row in self.rows)
        return plain and all(sum(column) <= 1 for column in zip(*self.rows, strict=True))

    def innermost(self) -> int | None:
        """The loop that walks through neighbouring elements, where there is just one."""
        loops = [loop for loop, coefficient in enumerate(self.rows[-1]) if coefficient] if self.rows else []
        return loops[0] if len(loops) == 1 and self.rows[-1][loops[0]] == 1 else None


@dataclass(frozen=True)
class LoopNest:
    """One linalg operation as a perfect loop nest around a scalar body."""

    tag: str
    sizes: tuple[int, ...]
    """Iterations of each loop."""
    reductions: frozenset[int]
    inputs: tuple[Access, ...]
    outputs: tuple[Access, ...]
    operations: tuple[str, ...]
    """The arithmetic of the body, in order."""
    consumers: tuple[str, ...] = ()
    """The nests that read the result; none where something else does too, for which it must be computed as a whole."""
    enclosed: bool = False
    """Whether it stands within loops of the program's own, and so computes a part of a block already."""
    final: bool = False
    """Whether its result is all that the function returns, and read by nobody else."""
    combines: bool = True
    """Whether the results, where they are reductions, may be made of partial ones."""
    inside: tuple[tuple[int, int], ...] = ()
    """Of a padding, the iterations of each loop that read the source: the first one, and their end."""

    @functools.cached_property
    def parallel(self) -> tuple[int, ...]:
        return tuple(loop for loop in range(len(self.sizes)) if loop not in self.reductions)

    @functools.cached_property
    def letters(self) -> Mapping[int, str]:
        """The name of each loop."""
        return dict(zip((*self.parallel, *sorted(self.reductions)), LETTERS, strict=False))

    @property
    def vector_loop(self) -> int | None:
        """The loop to vectorise: the one that walks through neighbouring elements of what is read or written most."""
        accesses = sorted((*self.outputs, *self.inputs), key=lambda access: -math.prod(access.shape))
        return next((loop for access in accesses if (loop := access.innermost()) is not None), None)

    @property
    def scalar_loop(self) -> int:
        """The loop that is innermost where vectors are left to LLVM."""
        return len(self.sizes) - 1 if self.vector_loop is None else self.vector_loop

    def vectorizable(self, loop: int) -> bool:
        """Whether vectors along `loop` are neighbouring elements, or one element for all, wherever it is used."""
        accesses = (*self.inputs, *self.outputs)
        regular = all(sum(bool(row[loop]) for row in access.rows) <= 1 for access in accesses)
        regular = regular and (self.combines or loop not in self.reductions)
        unit = all(row[loop] in (0, 1) for access in accesses for row in access.rows)
        return regular and unit and all(op.startswith(VECTOR_DIALECTS) for op in self.operations)

    @property
    def is_fill(self) -> bool:
        """Whether it only spreads a scalar."""
        return not self.operations and not any(access.rows for access in self.inputs)

    @property
    def is_product(self) -> bool:
        """Whether it sums products of two operands, other than a few coefficients with one."""
        return self.sums_products and not any(access.coefficients for access in self.inputs)

    @property
    def sums_products(self) -> bool:
        """Whether it sums products of two operands, of the sum's type, or widened to it."""
        narrow = [access for access in self.inputs if self.outputs and access.dtype != self.outputs[0].dtype]
        kinds = sorted(self.operations)
        if kinds.count(WIDEN) == len(narrow):
            kinds = [kind for kind in kinds if kind != WIDEN]
        return (
            bool(self.reductions)
            and kinds in (["arith.addf", "arith.mulf"], ["math.fma"])
            and len(self.inputs) == 2
            and len(self.outputs) == 1
            and self.outputs[0].is_projection
        )

    @property
    def flops(self) -> int:
        return len(self.operations) * math.prod(self.sizes)
