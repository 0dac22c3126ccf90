"""Vector registers that straight code needs at once."""

from __future__ import annotations

from ..target import Cpu
from .lanes import REARRANGING
from .tree import Loop
from .units import turns

ELSEWHERE = {"vector.reduction", "vector.insert", "vector.extract", "arith.constant", *REARRANGING}
"""Operations whose results take no register of their own."""
LAZY = ("load", "broadcast")
"""How operations end that are put off until they are needed."""


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
    for position, operation in enumerate(operations):
        result = operation.result
        if operation.name in ELSEWHERE or result not in last or not operation.shape.vector:
            continue
        begin, end = position, last[result]
        if operation.name.endswith(LAZY):
            begin = first.get(result, position)
            if begin == end:
                continue
        size = turns(operation.shape, cpu.vector_bits)
        begins[begin] = begins.get(begin, 0.0) + size
        ends[end] = ends.get(end, 0.0) + size
    most = now
    for position in sorted(begins.keys() | ends.keys()):
        now += begins.get(position, 0.0) - ends.get(position, 0.0)
        most = max(most, now)
    return most
