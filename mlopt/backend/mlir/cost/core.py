"""Cycles of straight code in a core: its units' throughput, its latencies, its registers.

A body takes as long as its busiest unit, or as its longest chain from one iteration to the next (A. Fog, "The
microarchitecture of Intel, AMD and VIA CPUs"; J. Laukemann et al., "Automated instruction stream throughput
prediction", PMBS 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..target import Cpu
from .lanes import REARRANGING, SHUFFLE, Lanes
from .tree import Access, Loop, Operation, Shape

FLOAT_ADD = {"arith.addf", "arith.subf"}
FUSED = {"vector.fma", "math.fma", "arith.mulf"}
WIDE_COMPARES = {"arith.maximumf": 3, "arith.minimumf": 3, "math.copysign": 3, "arith.fptosi": 2}
"""Operations of several instructions: a maximum that hands NaN on takes a comparison and a choice more."""
DIVISIONS = {"arith.divf": 1.0, "math.sqrt": 1.0, "math.rsqrt": 2.0}
FREE = {"arith.bitcast", "vector.bitcast", "vector.shape_cast", "arith.constant", "vector.create_mask"}
LIBRARY_CALL = 20.0
"""Cycles of a function of libm, for each lane."""
CLAIM = 60.0
"""Cycles to claim memory and give it back."""
FORWARD = 8.0
"""Cycles from a store to a load of the same place."""
INSTRUCTION_BYTES = 6
CODE_BYTES_PER_CYCLE = 16.0
"""Of code that the instruction cache does not hold."""
LOOP_VECTOR_BITS = 256
"""What LLVM prefers for loops on any x86 so far."""


@dataclass(slots=True)
class Uses:
    """Turns of each kind of unit."""

    fma: float = 0.0
    float_: float = 0.0
    vector: float = 0.0
    shuffle: float = 0.0
    loads: float = 0.0
    stores: float = 0.0
    divide: float = 0.0
    scalar: float = 0.0
    extra: float = 0.0
    """Cycles in which nothing else is done."""

    def instructions(self) -> float:
        return self.vector + self.shuffle + self.loads + self.stores + self.scalar

    def cycles(self, cpu: Cpu) -> float:
        return self.extra + max(
            self.fma / cpu.fma_units,
            self.float_ / cpu.float_units,
            (self.vector + self.shuffle) / cpu.vector_units,
            self.shuffle / cpu.shuffle_units,
            self.loads / cpu.load_units,
            self.stores / cpu.store_units,
            self.divide,
            self.instructions() / cpu.issue,
        )


def turns(shape: Shape, bits: int) -> int:
    """How many pieces of `bits` a value is handled in; LLVM widens rows to powers of two."""
    row = shape.lanes * shape.bits
    return shape.rows * (1 if row <= bits else (1 << (row - 1).bit_length()) // bits)


def memory_turns(shape: Shape, bits: int) -> int:
    """As `turns`, of loads and stores, which cannot go beyond the row: one for each power of two that is left."""
    whole, left = divmod(shape.lanes * shape.bits, bits)
    return shape.rows * (whole + (left // shape.bits).bit_count())


class Body:
    """The operations that stand directly in a loop."""

    def __init__(self, loop: Loop, cpu: Cpu, temporary: frozenset[int]) -> None:
        self.loop = loop
        self.cpu = cpu
        self.made = {operation.result: operation for operation in loop.operations if operation.result}
        self.uses = Uses()
        self.used: dict[int, int] = {}
        for operation in loop.operations:
            for operand in operation.operands:
                self.used[operand] = self.used.get(operand, 0) + 1
        self.promoted = self._promoted(temporary)
        self._gathered: set[tuple[int, ...]] = set()
        self._lanes = Lanes()
        self._chains: dict[int, int] = {}
        self._inserted = {each.operands[0] for each in loop.operations if each.name == "vector.insert"}
        for operation in loop.operations:
            self._count(operation)
        for _, shape in loop.carried:
            if shape.vector and shape.lanes.bit_count() > 1 and not loop.unrolled:
                # LLVM hands a vector of an odd width from block to block element by element.
                self.uses.shuffle += 2.0 * shape.rows * shape.lanes
        if self.uses.loads or self.uses.stores or self.uses.vector:
            constant = sum(turns(s, cpu.vector_bits) for s in loop.outside.values())
            excess = max(0.0, self.pressure() - cpu.registers)
            self.spilled = max(0.0, excess - constant)
            self.uses.loads += excess
            self.uses.stores += self.spilled
        else:
            self.spilled = 0.0

    def cycles(self) -> float:
        """Of one iteration, its inner loops left out."""
        loop, cycles, instructions = self.loop, self.uses.cycles(self.cpu), self.uses.instructions() + 2.0
        if (code := instructions * INSTRUCTION_BYTES) > self.cpu.code_bytes:
            cycles = max(cycles, code / CODE_BYTES_PER_CYCLE)
        # As many instructions as fit the window are under way at once, of later iterations and entries too.
        waits = self.path() * min(1.0, instructions / self.cpu.window)
        if loop.loops or not loop.number or loop.trips <= 1.0 or loop.unrolled:
            return max(cycles, waits)
        if lanes := self._vectorized():
            whole, left = divmod(loop.trips, lanes)
            return cycles * min(1.0, (whole * self._strided() + left) / max(1.0, loop.trips))
        hidden = max(1.0, self.cpu.window / (instructions * loop.trips))
        return max(cycles, self.chain() / hidden, waits, 1.0)

    def path(self) -> float:
        """Cycles of the longest dependency within one iteration."""
        ready: dict[int, float] = {}
        longest = 0.0
        for operation in self.loop.operations:
            begin = max((ready[operand] for operand in operation.operands if operand in ready), default=0.0)
            end = begin + self._latency(operation)
            if operation.result:
                ready[operation.result] = end
            longest = max(longest, end)
        return longest

    def _promoted(self, temporary: frozenset[int]) -> set[int]:
        """Buffers that an innermost loop reads and writes in one place each: LLVM keeps that in registers."""
        if self.loop.loops or not self.loop.number:
            return set()
        accessed = {access.buffer for access in self.loop.accesses}
        fixed = accessed - {access.buffer for access in self.loop.accesses if self._moves(access)}
        # What is passed in may overlap with what else is passed in.
        return {buffer for buffer in fixed if buffer in temporary or accessed - {buffer} <= temporary}

    def _vectorized(self) -> int:
        """Iterations that LLVM's loop vectoriser takes at once, 0 where it does nothing."""
        loop = self.loop
        if loop.carried or any(operation.shape.vector for operation in loop.operations) or not loop.accesses:
            return 0
        if any(access.store and not self._moves(access) for access in loop.accesses):
            return 0
        lanes = LOOP_VECTOR_BITS // (8 * max(access.width for access in loop.accesses))
        while lanes > max(1.0, loop.trips):
            lanes //= 2
        return lanes if lanes > 1 else 0

    def _strided(self) -> float:
        """How much longer a vector of iterations takes for what it reads or writes with gaps."""
        steps = [abs(a.steps.get(self.loop.number, 0.0)) / a.width for a in self.loop.accesses]
        return max(1.0, sum(min(8.0, max(1.0, step)) for step in steps) / len(steps))

    def _moves(self, access: Access) -> bool:
        return self.loop.number in access.steps

    def _count(self, operation: Operation) -> None:
        name, shape, uses, cpu = operation.name, operation.shape, self.uses, self.cpu
        n = turns(shape, cpu.datapath_bits)
        if name in REARRANGING:
            self._lanes.put(operation)
            return
        for operand in operation.operands:
            uses.shuffle += self._lanes.shuffles(operand, cpu.vector_bits // shape.bits)
        if (
            name in ("vector.extract", "vector.insert", "vector.broadcast")
            and shape.lanes == 1
            and not operation.detail
        ):
            pass
        elif name in ("vector.extract", "vector.insert"):
            self._rearrange(operation)
        elif name == "vector.broadcast":
            source = self.made.get(operation.operands[0])
            if source is None or not source.name.endswith("load"):
                row = Shape(1, shape.lanes, shape.bits, True)
                uses.shuffle += turns(row, cpu.vector_bits)
        elif operation.access and operation.access.buffer in self.promoted:
            pass
        elif name.endswith("load"):
            uses.loads += memory_turns(shape, cpu.vector_bits)
        elif name.endswith("store"):
            uses.stores += max(memory_turns(shape, cpu.vector_bits), n if shape.vector else 1)
        elif name == "index":
            uses.scalar += 0.5
        elif name == "memref.alloc":
            uses.extra += CLAIM
        elif name in FREE:
            pass
        elif name == "vector.reduction":
            steps = shape.lanes if operation.detail[0] else n + shape.lanes.bit_length()
            uses.vector += steps
            uses.float_ += steps
            uses.shuffle += steps
        elif name in DIVISIONS:
            uses.divide += DIVISIONS[name] * n * cpu.divide_cycles
            uses.vector += n
        elif not shape.vector and not name.endswith("f") and name != "math.fma":
            uses.scalar += 1
        elif name in FUSED:
            uses.fma += n
            uses.float_ += n
            uses.vector += n
        elif name in FLOAT_ADD:
            uses.float_ += n
            uses.vector += n
        elif name.startswith("math.") and name not in ("math.absf", "math.copysign", "math.fma"):
            uses.extra += LIBRARY_CALL * shape.lanes * shape.rows
        else:
            uses.vector += WIDE_COMPARES.get(name, 1) * n

    def _rearrange(self, operation: Operation) -> None:
        """Elements put together from others: a shuffle for each pair of registers that they go between."""
        if operation.name == "vector.extract":
            if not operation.shape.vector:
                for_insert = self.used.get(operation.result, 0) == 1 and operation.result in self._inserted
                if not for_insert:
                    self.uses.shuffle += 1 if operation.detail and operation.detail[-1] else 0.5
            return
        value, into = operation.operands[0], operation.operands[1]
        chain = self._chains[operation.result] = self._chains.get(into, operation.result)
        source = self.made.get(value)
        if source is not None and source.shape.vector and source.name != "vector.extract":
            return
        if source is not None and source.name == "vector.extract":
            if source.shape.vector:
                return
            lane = self.cpu.vector_bits // max(source.shape.bits, 1)
            same = int(source.detail[-1] % lane != operation.detail[-1] % lane) if source.detail else 0
            row = (*operation.detail[:-1], operation.detail[-1] // lane)
            key = (chain, *row, source.operands[0], *source.detail[:-1], source.detail[-1] // lane)
            if same and key not in self._gathered:
                self._gathered.add(key)
                self.uses.shuffle += 1
            return
        if operation.shape.vector and not self.loop.unrolled and (source is None or not source.shape.vector):
            self.uses.shuffle += 1

    def pressure(self) -> float:
        """Vector registers that are needed at once, if every load waits for its first use."""
        cpu = self.cpu
        last: dict[int, int] = {}
        first: dict[int, int] = {}
        operations = self.loop.operations
        for position, operation in enumerate(operations):
            for operand in operation.operands:
                last[operand] = position
                first.setdefault(operand, position)
        for value in self.loop.yields:
            last[value] = len(operations)
        held = {v: s for v, s in self.loop.outside.items() if s.vector}
        held.update({value: shape for value, shape in self.loop.carried if shape.vector})
        begins: dict[int, float] = {}
        ends: dict[int, float] = {}
        now = 0.0 + sum(turns(shape, cpu.vector_bits) for shape in held.values())
        for value, shape in self.loop.carried:
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

    def chain(self) -> float:
        """Cycles from one iteration to the next, along values that are handed over, or stored and read again."""
        ready: dict[int, float] = {value: 0.0 for value, _ in self.loop.carried}
        stored = {
            (a.buffer, a.start, *a.steps.items()): a for a in self.loop.accesses if a.store and not self._moves(a)
        }
        longest = 0.0
        for operation in self.loop.operations:
            access = operation.access
            if access and not access.store and (access.buffer, access.start, *access.steps.items()) in stored:
                ready[operation.result] = 0.0 if access.buffer in self.promoted else FORWARD
                continue
            given = [ready[operand] for operand in operation.operands if operand in ready]
            if given and operation.result:
                ready[operation.result] = max(given) + self._latency(operation)
            elif given and access and not self._moves(access):
                longest = max(longest, *given)
        return max([longest, *(ready[value] for value in self.loop.yields if value in ready)])

    def _latency(self, operation: Operation) -> float:
        name, cpu = operation.name, self.cpu
        if operation.access:
            return cpu.load_latency
        if name in FUSED:
            return cpu.fma_latency
        if name in FLOAT_ADD:
            return cpu.add_latency
        if name in DIVISIONS:
            return 3.0 * cpu.divide_cycles
        if name == "vector.reduction":
            if operation.detail[0]:
                return cpu.add_latency * operation.shape.lanes
            return (cpu.add_latency + cpu.shuffle_latency) * operation.shape.lanes.bit_length()
        if name in REARRANGING:
            return cpu.shuffle_latency if name == SHUFFLE else 0.0
        if name in ("vector.insert", "vector.extract"):
            if operation.name == "vector.extract" and operation.shape.vector:
                return 0.0
            return 0.0 if operation.shape.rows > 1 else cpu.shuffle_latency
        return float(WIDE_COMPARES.get(name, 1))
