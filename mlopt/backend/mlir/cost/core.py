"""Cycles of straight code in a core: its units' throughput, its latencies, its registers.

A body takes as long as its busiest unit, or as its longest chain from one iteration to the next (A. Fog, "The
microarchitecture of Intel, AMD and VIA CPUs"; J. Laukemann et al., "Automated instruction stream throughput
prediction", PMBS 2018).
"""

from __future__ import annotations

from ..target import Cpu
from .dependencies import chain, path
from .llvm import promoted, strided, vectorized
from .registers import pressure
from .tree import Loop
from .units import Counting, turns

INSTRUCTION_BYTES = 6
CODE_BYTES_PER_CYCLE = 16.0
"""Of code that the instruction cache does not hold."""


class Body:
    """The operations that stand directly in a loop."""

    def __init__(self, loop: Loop, cpu: Cpu, temporary: frozenset[int]) -> None:
        self.loop = loop
        self.cpu = cpu
        self.promoted = promoted(loop, temporary)
        self.uses = Counting(loop, cpu, self.promoted).uses
        if self.uses.loads or self.uses.stores or self.uses.vector:
            constant = sum(turns(s, cpu.vector_bits) for s in loop.outside.values())
            self.pressure = pressure(loop, cpu)
            excess = max(0.0, self.pressure - cpu.registers)
            self.spilled = max(0.0, excess - constant)
            pieces = cpu.vector_bits / cpu.datapath_bits
            self.uses.loads += excess * pieces
            self.uses.stores += self.spilled * pieces
        else:
            self.pressure = self.spilled = 0.0
        self.instructions = self.uses.instructions() + 2.0

    def cycles(self) -> float:
        """Of one iteration, its inner loops left out."""
        loop, cycles, instructions = self.loop, self.uses.cycles(self.cpu), self.instructions
        if (code := instructions * INSTRUCTION_BYTES) > self.cpu.code_bytes:
            cycles = max(cycles, code / CODE_BYTES_PER_CYCLE)
        # As many instructions as fit the window are under way at once, of later iterations and entries too.
        waits = path(loop, self.cpu) * min(1.0, instructions / self.cpu.window)
        if loop.loops or not loop.number or loop.trips <= 1.0 or loop.unrolled:
            return max(cycles, waits)
        if lanes := vectorized(loop, self.cpu.vector_bits):
            whole, left = divmod(loop.trips, lanes)
            return cycles * min(1.0, (whole * strided(loop) + left) / max(1.0, loop.trips))
        hidden = max(1.0, self.cpu.window / (instructions * loop.trips))
        return max(cycles, chain(loop, self.cpu, self.promoted) / hidden, waits, 1.0)
