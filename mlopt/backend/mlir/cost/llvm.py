"""What LLVM is known to make of a loop of scalars: values kept in registers, vectors of iterations."""

from __future__ import annotations

from .tree import Access, Loop

LOOP_VECTOR_BITS = 256
"""What LLVM prefers for loops on any x86 so far."""


def promoted(loop: Loop, temporary: frozenset[int]) -> set[int]:
    """Buffers that an innermost loop reads and writes in one place each: LLVM keeps that in registers."""
    if loop.loops or not loop.number:
        return set()
    accessed = {access.buffer for access in loop.accesses}
    fixed = accessed - {access.buffer for access in loop.accesses if moves(loop, access)}
    # What is passed in may overlap with what else is passed in.
    return {buffer for buffer in fixed if buffer in temporary or accessed - {buffer} <= temporary}


def vectorized(loop: Loop) -> int:
    """Iterations that LLVM's loop vectoriser takes at once, 0 where it does nothing."""
    if loop.carried or any(operation.shape.vector for operation in loop.operations) or not loop.accesses:
        return 0
    if any(access.store and not moves(loop, access) for access in loop.accesses):
        return 0
    lanes = LOOP_VECTOR_BITS // (8 * max(access.width for access in loop.accesses))
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
