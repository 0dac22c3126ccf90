"""What LLVM is known to make of loops of scalars: written out, values kept in registers, vectors of iterations."""

from __future__ import annotations

from dataclasses import replace

from .tree import Access, Loop

LOOP_VECTOR_BITS = 256
"""What LLVM prefers for loops on any x86 so far, where registers are as wide."""
UNROLLED = 32
"""Iterations of a small loop that LLVM writes out."""
WRITTEN_OUT = 200
"""Operations that a loop written out may have: LLVM's threshold is 300 instructions."""
INTERLEAVED = 8
"""Elements from one iteration to the next at most, for accesses that are made vectors of."""


def write_out(loop: Loop) -> None:
    """Put short inner loops of scalars in the place of their iterations, as LLVM does before it looks for vectors."""
    for inner in list(loop.loops):
        if inner.unrolled and _of_scalars(inner) and not inner.carried and inner.trips % 1.0 == 0.0:
            loop.loops.remove(inner)
            known: dict[tuple[object, ...], int] = {}
            for i in range(round(inner.trips)):
                _repeat(inner, i, loop, known)


def is_short(loop: Loop) -> bool:
    """Whether LLVM, where it is free to, writes all iterations of an innermost loop out."""
    return loop.trips <= UNROLLED and (not _of_scalars(loop) or len(loop.operations) * loop.trips <= WRITTEN_OUT)


def _of_scalars(loop: Loop) -> bool:
    return not any(operation.shape.vector for operation in loop.operations)


def _repeat(inner: Loop, i: int, into: Loop, known: dict[tuple[object, ...], int]) -> None:
    """Add what `inner` does in iteration `i`. What is `known` to lie in a place, since it was just stored there, is not
    loaded again."""
    names: dict[int, int] = {}
    for operation in inner.operations:
        access = operation.access and _at(operation.access, inner.number, i)
        place = (access.buffer, access.start, *access.steps.items()) if access else ()
        operands = tuple(names.get(operand, operand) for operand in operation.operands)
        if access and access.store:
            known[place] = operands[0]
        elif place in known:
            names[operation.result] = known[place]
            continue
        result = hash((operation.result, inner.number, i)) if operation.result else 0
        names[operation.result] = result
        into.operations.append(replace(operation, result=result, operands=operands, access=access))
        if access:
            into.accesses.append(access)


def _at(access: Access, loop: int, i: int) -> Access:
    steps = {number: step for number, step in access.steps.items() if number != loop}
    return replace(access, steps=steps, start=access.start + i * access.steps.get(loop, 0.0))


def promoted(loop: Loop, temporary: frozenset[int]) -> set[int]:
    """Buffers that an innermost loop reads and writes in one place each: LLVM keeps that in registers."""
    if loop.loops or not loop.number:
        return set()
    accessed = {access.buffer for access in loop.accesses}
    fixed = accessed - {access.buffer for access in loop.accesses if moves(loop, access)}
    # What is passed in may overlap with what else is passed in.
    return {buffer for buffer in fixed if buffer in temporary or accessed - {buffer} <= temporary}


def vectorized(loop: Loop, vector_bits: int) -> int:
    """Iterations that LLVM's loop vectoriser takes at once, 0 where it does nothing; registers have so many bits."""
    if loop.carried or any(operation.shape.vector for operation in loop.operations) or not loop.accesses:
        return 0
    if any(access.store and not moves(loop, access) for access in loop.accesses):
        return 0
    if any(abs(a.steps.get(loop.number, 0.0)) > INTERLEAVED * a.width for a in loop.accesses):
        return 0
    lanes = min(LOOP_VECTOR_BITS, vector_bits) // (8 * max(access.width for access in loop.accesses))
    while lanes > max(1.0, loop.trips):
        lanes //= 2
    return lanes if lanes > 1 else 0


def strided(loop: Loop) -> float:
    """How much longer a vector of iterations takes for what it reads or writes with gaps."""
    steps = [abs(a.steps.get(loop.number, 0.0)) / a.width for a in loop.accesses]
    return max(1.0, sum(min(8.0, max(1.0, step)) for step in steps) / len(steps))


def moves(loop: Loop, access: Access) -> bool:
    """Whether the access goes to another place in each iteration."""
    return loop.number in access.steps
