"""What an expert should know of a program and its space before the first schedule is tried, as text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from ...core.alternatives import Alternatives
from ...core.schedule import Decision, Schedule
from ...core.space import KnobSpace
from .bindings import active, ir
from .payload.nest import Access, LoopNest
from .simd import Simd
from .space.matmul import ContractionSpace
from .space.product import ProductKnobs
from .space.program import Inner, ProgramSpace

ELEMENTS = 16
"""Of a constant; longer ones are left out."""


def explain(source: str, space: Any, simd: Simd) -> str:
    """The payload without its large constants, the loop nests of each of its algorithms, and the target's vectors."""
    return "\n".join(_lines(source, space, simd))


def _lines(source: str, space: Any, simd: Simd) -> Iterator[str]:
    with active():
        yield str(ir.Module.parse(source).operation.get_asm(large_elements_limit=ELEMENTS)).rstrip()
    yield f"Vectors: {simd.registers} registers of {simd.lanes} float32 lanes."
    if isinstance(space, Alternatives):
        # Of an algorithm in several sizes, the first.
        for path, part in _first_of_each(space):
            yield f"With {', '.join(f'{knob}={value}' for knob, value in path.values().items())}:"
            yield from _nests(part)
    else:
        yield from _nests(space)


def _first_of_each(space: Alternatives) -> list[tuple[Schedule, KnobSpace]]:
    """The first part by each value of the first decision."""
    found: dict[Decision, tuple[Schedule, KnobSpace]] = {}
    for path, part in space.parts():
        found.setdefault(path[0], (path, part))
    return list(found.values())


def _nests(space: Any) -> Iterator[str]:
    if isinstance(space, ContractionSpace):
        c = space.contraction
        batch = f"batch={'x'.join(map(str, c.batch))}, " if c.batch else ""
        yield f"- a product of matrices, {batch}m={c.m}, n={c.n}, sums over k={c.k}; A is {c.left}, B is {c.right}"
    elif isinstance(space, ProgramSpace):
        for nest in space.nests.values():
            if not nest.is_fill:
                yield f"- {nest.tag}: {_nest(nest)}{_roles(nest, space.inner[nest.tag])}"


def _nest(nest: LoopNest) -> str:
    """Such as `i=128, j=64, sums over k=32; reads f32[i,k], product0 f32[k,j]; mulf, addf`."""
    letters = nest.letters
    loops = ", ".join(f"{letters[loop]}={nest.sizes[loop]}" for loop in nest.parallel)
    sums = ", ".join(f"{letters[loop]}={nest.sizes[loop]}" for loop in sorted(nest.reductions))
    over = f"{'; ' if loops else ''}reduces over {sums}" if sums else ""
    reads = ", ".join(_access(access, nest) for access in nest.inputs)
    names = [operation.partition(".")[2] for operation in nest.operations]
    work = ", ".join(_counted(name, len(list(same))) for name, same in groupby(names))
    return f"{loops}{over}; reads {reads or 'nothing'}; computes {work or 'nothing'}"


def _roles(nest: LoopNest, inner: Inner) -> str:
    """Which loops the knobs speak of, such as `; m=i, n=j, k=k`."""
    if isinstance(inner, ProductKnobs):
        return f"; {', '.join(f'{role}={nest.letters[loop]}' for role, loop in inner.product.roles.items())}"
    return "" if inner.vector_loop is None else f"; vectors along {nest.letters[inner.vector_loop]}"


def _access(access: Access, nest: LoopNest) -> str:
    letters = nest.letters
    rows = ["+".join(_term(c, letters[loop]) for loop, c in enumerate(row) if c) or "0" for row in access.rows]
    return f"{access.producer + ' ' if access.producer else ''}{access.dtype}[{','.join(rows)}]"


def _counted(name: str, times: int) -> str:
    return name if times == 1 else f"{times} {name}"


def _term(coefficient: int, letter: str) -> str:
    return letter if coefficient == 1 else f"{coefficient}{letter}"
