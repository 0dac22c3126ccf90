"""How long operations wait for each other: within an iteration, and from one to the next."""

from __future__ import annotations

from ..target import Cpu
from .lanes import REARRANGING, SHUFFLE
from .llvm import moves
from .tree import Loop, Operation
from .units import DIVISIONS, FLOAT_ADD, FUSED, NAN_AWARE, instructions

FORWARD = 8.0
"""Cycles from a store to a load of the same place."""


def path(loop: Loop, cpu: Cpu) -> float:
    """Cycles of the longest dependency within one iteration."""
    ready: dict[int, float] = {}
    longest = 0.0
    for operation in loop.operations:
        begin = 0.0
        for operand in operation.operands:  # the busiest lines of the model
            if operand in ready and ready[operand] > begin:
                begin = ready[operand]
        end = begin + latency(operation, cpu)
        if operation.result:
            ready[operation.result] = end
        if end > longest:
            longest = end
    return longest


def chain(loop: Loop, cpu: Cpu, promoted: set[int]) -> float:
    """Cycles from one iteration to the next, along values that are handed over, or stored and read again."""
    ready: dict[int, float] = {value: 0.0 for value, _ in loop.carried}
    stored = {(a.buffer, a.start, *a.steps.items()): a for a in loop.accesses if a.store and not moves(loop, a)}
    longest = 0.0
    if not ready and not stored:
        return longest
    for operation in loop.operations:
        access = operation.access
        if access and not access.store and (access.buffer, access.start, *access.steps.items()) in stored:
            ready[operation.result] = 0.0 if access.buffer in promoted else FORWARD
            continue
        given = [ready[operand] for operand in operation.operands if operand in ready]
        if given and operation.result:
            ready[operation.result] = max(given) + latency(operation, cpu)
        elif given and access and not moves(loop, access):
            longest = max(longest, *given)
    return max([longest, *(ready[value] for value in loop.yields if value in ready)])


def latency(operation: Operation, cpu: Cpu) -> float:
    """Cycles from its operands to its result."""
    name = operation.name
    if operation.access:
        return cpu.load_latency
    if name in FUSED:
        return cpu.fma_latency
    if name in FLOAT_ADD:
        return cpu.add_latency
    if name in DIVISIONS:
        return 3.0 * cpu.divide_cycles
    if name == "vector.reduction":
        in_order, extreme = operation.detail
        if in_order:
            return cpu.add_latency * operation.shape.lanes
        each = cpu.maximum_latency if extreme else cpu.add_latency
        return (each + cpu.shuffle_latency) * operation.shape.lanes.bit_length()
    if name in REARRANGING:
        return cpu.shuffle_latency if name == SHUFFLE else 0.0
    if name in ("vector.insert", "vector.extract"):
        if operation.name == "vector.extract" and operation.shape.vector:
            return 0.0
        return 0.0 if operation.shape.rows > 1 else cpu.shuffle_latency
    return cpu.maximum_latency if name in NAN_AWARE else float(instructions(name, cpu))
