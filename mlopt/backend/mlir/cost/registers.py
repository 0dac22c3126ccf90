"""Vector registers that straight code needs at once."""

from __future__ import annotations

from ..target import Cpu
from .lanes import REARRANGING
from .tree import Loop
from .units import turns


def pressure(loop: Loop, cpu: Cpu) -> float:
    """Vector registers that are needed at once, if every load waits for its first use."""
    last: dict[int, int] = {}
    first: dict[int, int] = {}
    operations = loop.operations
    for position, operation in enumerate(operations):
        for operand in operation.operands:
            last[operand] = position
            first.setdefault(operand, position)
    for value in loop.yields:
        last[value] = len(operations)
    held = {v: s for v, s in loop.outside.items() if s.vector}
    held.update({value: shape for value, shape in loop.carried if shape.vector})
    begins: dict[int, float] = {}
    ends: dict[int, float] = {}
    now = 0.0 + sum(turns(shape, cpu.vector_bits) for shape in held.values())
    for value, shape in loop.carried:
        if shape.vector and value in last:
            ends[last[value]] = ends.get(last[value], 0.0) + turns(shape, cpu.vector_bits)
    lazy = ("load", "broadcast")
    for position, operation in enumerate(operations):
        if not operation.result or operation.result not in last:
            continue
        if not operation.shape.vector or operation.name in ("vector.reduction",):
            continue
        if operation.name in ("vector.insert", "vector.extract", "arith.constant", *REARRANGING):
            continue
        size = turns(operation.shape, cpu.vector_bits)
        begin = first[operation.result] if operation.name.endswith(lazy) and operation.result in first else position
        if operation.name.endswith(lazy) and last[operation.result] == begin:
            continue
        begins[begin] = begins.get(begin, 0.0) + size
        ends[last[operation.result]] = ends.get(last[operation.result], 0.0) + size
    most = now
    for position in range(len(operations) + 1):
        now -= ends.get(position, 0.0)
        now += begins.get(position, 0.0)
        most = max(most, now)
    return most
