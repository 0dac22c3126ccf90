"""Turns of a core's units that straight code takes: its throughput, whatever depends on what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain

from ..target import Cpu
from .lanes import REARRANGING, Lanes
from .tree import Loop, Operation, Shape

FLOAT_ADD = {"arith.addf", "arith.subf"}
FUSED = {"vector.fma", "math.fma", "arith.mulf"}
NAN_AWARE = {"arith.maximumf", "arith.minimumf", "arith.maxnumf", "arith.minnumf"}
"""Maxima and minima that say what becomes of NaN, which the instructions of most CPUs do otherwise."""
SEVERAL = {"math.copysign": 3, "arith.fptosi": 2, "math.ceil": 2, "math.floor": 2, "math.roundeven": 2, "math.trunc": 2}
"""Operations of several instructions."""
DIVISIONS = {"arith.divf": 1.0, "math.sqrt": 1.0, "math.rsqrt": 2.0}
FREE = {"arith.bitcast", "vector.bitcast", "vector.shape_cast", "arith.constant", "vector.create_mask"}
LIBRARY_CALL = 20.0
"""Cycles of a function of libm, for each lane."""
CLAIM = 60.0
"""Cycles to claim memory and give it back."""


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


def instructions(name: str, cpu: Cpu) -> int:
    """Of an operation that is neither a multiplication nor an addition."""
    return cpu.maximum_instructions if name in NAN_AWARE else SEVERAL.get(name, 1)


def turns(shape: Shape, bits: int) -> int:
    """How many pieces of `bits` a value is handled in; LLVM widens rows, and drops the pieces that hold nothing."""
    return shape.rows * -(-shape.lanes * shape.bits // bits)


def memory_turns(shape: Shape, bits: int) -> int:
    """As `turns`, of loads and stores, which cannot go beyond the row: one for each power of two that is left."""
    whole, left = divmod(shape.lanes * shape.bits, bits)
    return shape.rows * (whole + (left // shape.bits).bit_count())


class Counting:
    """Counts the turns of a loop's own operations; accesses to `promoted` buffers are values in registers."""

    def __init__(self, loop: Loop, cpu: Cpu, promoted: set[int]) -> None:
        self.loop, self.cpu, self.promoted = loop, cpu, promoted
        self.uses = Uses()
        self._made = {operation.result: operation for operation in loop.operations if operation.result}
        self._used = Counter(chain.from_iterable(operation.operands for operation in loop.operations))
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

    def _count(self, operation: Operation) -> None:
        name, shape, uses, cpu = operation.name, operation.shape, self.uses, self.cpu
        if name in REARRANGING:
            self._lanes.put(operation)
            return
        if self._lanes:
            for operand in operation.operands:
                uses.shuffle += self._lanes.shuffles(operand, cpu.vector_bits // shape.bits)
        if name in ("vector.extract", "vector.insert"):
            if shape.lanes > 1 or operation.detail:
                self._rearrange(operation)
            return
        n = turns(shape, cpu.datapath_bits)
        if name == "vector.broadcast":
            source = self._made.get(operation.operands[0])
            if shape.lanes > 1 and (source is None or not source.name.endswith("load")):
                row = Shape(1, shape.lanes, shape.bits, True)
                uses.shuffle += turns(row, cpu.vector_bits)
        elif operation.access and operation.access.buffer in self.promoted:
            pass
        elif name.endswith("load"):
            uses.loads += max(memory_turns(shape, cpu.vector_bits), n)
        elif name.endswith("store"):
            uses.stores += max(memory_turns(shape, cpu.vector_bits), n)
        elif name == "index":
            uses.scalar += 0.5
        elif name == "memref.alloc":
            uses.extra += CLAIM
        elif name in FREE:
            pass
        elif name == "vector.reduction":
            in_order, extreme = operation.detail
            steps = shape.lanes if in_order else n + shape.lanes.bit_length()
            uses.vector += steps * (cpu.maximum_instructions if extreme else 1)
            uses.float_ += 0 if extreme else steps
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
        elif name.startswith("math.") and name not in ("math.absf", *SEVERAL):
            uses.extra += LIBRARY_CALL * shape.lanes * shape.rows
        else:
            uses.vector += instructions(name, cpu) * n

    def _rearrange(self, operation: Operation) -> None:
        """Elements put together from others: a shuffle for each pair of registers that they go between."""
        if operation.name == "vector.extract":
            if not operation.shape.vector:
                for_insert = self._used[operation.result] == 1 and operation.result in self._inserted
                if not for_insert:
                    self.uses.shuffle += 1 if operation.detail and operation.detail[-1] else 0.5
            return
        value, into = operation.operands[0], operation.operands[1]
        chain = self._chains[operation.result] = self._chains.get(into, operation.result)
        source = self._made.get(value)
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
