"""The seconds that launches should take: an analytical model of one GPU, of which nothing is fitted.

A multiprocessor works at as many blocks at once as its registers, shared memory and threads allow. What they need of
each of its units adds up, and so does what all multiprocessors need of the second cache and of memory; the busiest of
these sets the pace, unless the chain of waits within one block is longer (Williams and others 2009; Hong and Kim 2009).
Blocks run in waves, the last of which may leave multiprocessors idle. All times below are in cycles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....core.errors import CompileError
from ..ahead import Launch
from ..target import Gpu
from .access import SECTOR
from .machine import Machine, machine
from .products import on_tensor_cores, shared_bytes, tensor_cycles
from .ttir import parse
from .work import Work, work

SPREAD = 64
"""Programs, evenly spaced over the grid, that stand for all."""
TOGETHER = 528
"""Programs that run at once, at most, of which it is looked at what they share."""
ELEMENTS = 1 << 21
"""Of one load by all of them."""
BARRIER = 40.0
"""Cycles that the warps of a block take to meet, once a turn of a loop."""
BLOCK_START = 500.0
"""Cycles until a block that has been given to a multiprocessor does its first load."""
REGISTER_BYTES = 4
MIX = ("tensor", "memory", "special")
"""Kinds of instructions that are told apart from all of them together."""
RESERVED = {"cuda": 1024, "hip": 0}
"""Bytes of shared memory that the system takes of each block."""


@dataclass(frozen=True)
class _Pace:
    """Cycles of one program on a multiprocessor of its own, by unit."""

    tensor: float
    shared: float
    issue: float
    floats: float
    specials: float
    l2: float
    memory: float

    @property
    def busiest(self) -> float:
        return max(self.tensor, self.shared, self.issue, self.floats, self.specials, self.l2, self.memory)

    @property
    def computing(self) -> float:
        """Of one program alone, whose kinds of work wait for one another."""
        return max(self.tensor, self.shared, self.issue) + max(self.floats, self.specials)


def simulate(launches: Sequence[Launch], gpu: Gpu) -> Mapping[str, float]:
    """`cost` in seconds of one call, and what it is made of; of several launches, that of the longest.

    Raises CompileError for a kernel that cannot be read, or that the GPU has no room for.
    """
    found = [_launch(launch, gpu) for launch in launches]
    longest = max(found, key=lambda figures: figures["cost"])
    return {**longest, "cost": sum(figures["cost"] for figures in found), "launches": float(len(found))}


def blocks_per_multiprocessor(code: Machine, gpu: Gpu) -> int:
    """How many blocks fit on one multiprocessor at once; 0 where not even one does."""
    threads = code.warps * gpu.warp
    if code.shared_bytes > gpu.shared_bytes_per_block:
        return 0
    registers = -(-code.registers * gpu.warp // gpu.register_unit) * gpu.register_unit * code.warps
    by_memory = gpu.shared_bytes // max(1, code.shared_bytes + RESERVED[gpu.runtime])
    return min(gpu.blocks, gpu.threads // threads, gpu.registers // max(1, registers), by_memory)


def _launch(launch: Launch, gpu: Gpu) -> Mapping[str, float]:
    code = machine(launch.kernel)
    resident = blocks_per_multiprocessor(code, gpu)
    if resident == 0:
        raise CompileError(
            f"a block needs {code.shared_bytes} bytes of shared memory and {code.registers} registers a thread"
        )
    names, body = parse(launch.kernel.asm["ttir"])
    count = math.prod(launch.grid)
    all_of_them = _traced(names, body, launch, np.unique(np.linspace(0, count - 1, min(count, SPREAD)).astype(int)))
    at_once = min(count, resident * gpu.multiprocessors, TOGETHER)
    at_once = max(1, min(at_once, ELEMENTS // _largest(all_of_them)))
    together = _traced(names, body, launch, np.arange(at_once))
    l2_bytes, memory_bytes = _traffic(all_of_them, together, launch, min(count, resident * gpu.multiprocessors), gpu)
    turns, seldom = _mean(all_of_them.turns), _mean(all_of_them.seldom)
    pace = _pace(all_of_them, code, l2_bytes / count, memory_bytes / count, gpu)
    missing = memory_bytes / max(1.0, l2_bytes)
    latency = gpu.l2_latency + missing * (gpu.memory_latency - gpu.l2_latency)
    chain = _chain(all_of_them, code, launch.kernel.metadata.num_stages, pace, latency)
    cycles, waves = _waves(count, resident, pace.busiest, chain, gpu)
    hertz = gpu.gigahertz * 1e9
    floor = max(l2_bytes / gpu.l2_bytes_per_second, memory_bytes / gpu.memory_bytes_per_second)
    seconds = max(cycles / hertz, floor) + gpu.launch_seconds
    return {
        "cost": float(seconds),
        "registers": float(code.registers),
        "spills": float(code.carried_out(1.0, 1.0, "spill")),
        "shared_bytes": float(code.shared_bytes),
        "occupancy": resident * code.warps * gpu.warp / gpu.threads,
        "programs": float(count),
        "waves": float(waves),
        "pipeline_depth": float(launch.kernel.metadata.num_stages if code.asynchronous else 1),
        "tensor_share": float(pace.tensor * count / gpu.multiprocessors / max(1.0, seconds * hertz)),
        "l2_bytes": float(l2_bytes),
        "memory_bytes": float(memory_bytes),
        "instructions": float(code.carried_out(turns, seldom)),
        **{f"{kind}_instructions": float(code.carried_out(turns, seldom, kind)) for kind in MIX},
    }


def _traced(names: Sequence[str], body: Any, launch: Launch, programs: Any) -> Work:
    return work(names, body, launch.arguments, launch.grid, programs)


def _largest(of: Work) -> int:
    """Elements of its largest load or store, at least one."""
    return max([access.nbytes // 2 for access in of.accesses], default=1) or 1


def _traffic(whole: Work, together: Work, launch: Launch, at_once: int, gpu: Gpu) -> tuple[float, float]:
    """Bytes that all programs ask the second cache for, and that it asks memory for."""
    count = math.prod(launch.grid)
    sizes = [_nbytes(value) for value in launch.arguments.values()]
    all_fit = sum(sizes) <= gpu.l2_bytes
    asked = fetched = 0.0
    seen: dict[int, float] = {}
    for access, beside in zip(whole.accesses, together.accesses, strict=True):
        nbytes = access.sectors * SECTOR * float(access.turns.mean()) * count
        asked += nbytes
        # What programs at once share is fetched once; of those not looked at, as many share as of those that were.
        fresh = nbytes / max(1.0, beside.shared * min(1.0, at_once / together.programs) if beside.shared > 1 else 1.0)
        if access.tensor is None or access.tensor >= len(sizes):
            fetched += fresh
        else:
            seen[access.tensor] = seen.get(access.tensor, 0.0) + fresh
    for tensor, fresh in seen.items():
        fetched += min(fresh, float(sizes[tensor])) if all_fit else fresh
    return asked, min(asked, fetched)


def _nbytes(argument: Any) -> int:
    tensor = getattr(argument, "base", argument)
    return tensor.numel() * tensor.element_size() if hasattr(tensor, "numel") else 0


def _pace(of: Work, code: Machine, l2_bytes: float, memory_bytes: float, gpu: Gpu) -> _Pace:
    share = 1.0 / (gpu.multiprocessors)
    hertz = gpu.gigahertz * 1e9
    plain = sum(2.0 * dot.m * dot.n * dot.k * _mean(dot.turns) for dot in of.dots if not on_tensor_cores(dot, code))
    return _Pace(
        tensor=sum(tensor_cycles(dot, code, gpu) * _mean(dot.turns) for dot in of.dots if on_tensor_cores(dot, code)),
        shared=(_of_products(of, code) + _of_spills(of, code, gpu)) / gpu.shared_bytes_per_cycle,
        issue=code.carried_out(_mean(of.turns), _mean(of.seldom)) * code.warps / gpu.issue,
        floats=(_mean(of.floats) + plain / 2.0) / gpu.float_operations,
        specials=_mean(of.specials) / gpu.special_operations,
        l2=l2_bytes * hertz / (gpu.l2_bytes_per_second * share),
        memory=memory_bytes * hertz / (gpu.memory_bytes_per_second * share),
    )


def _of_products(of: Work, code: Machine) -> float:
    """Bytes that a program moves to and from shared memory for its products."""
    return sum(shared_bytes(dot, code) * _mean(dot.turns) for dot in of.dots)


def _of_spills(of: Work, code: Machine, gpu: Gpu) -> float:
    """Bytes of registers that a program has no room for: they go through the first cache, as what is shared does."""
    return code.carried_out(_mean(of.turns), _mean(of.seldom), "spill") * code.warps * gpu.warp * REGISTER_BYTES


def _chain(of: Work, code: Machine, stages: int, pace: _Pace, latency: float) -> float:
    """Cycles from a block's first load to its last store, when nothing else runs beside it."""
    turns = _mean(of.turns)
    loads = [access for access in of.accesses if not access.stores]
    before = sum(not access.looped for access in loads)
    chain = BLOCK_START + (latency if before else 0.0) + latency  # the last store leaves
    if not any(access.looped for access in loads) or turns == 0:
        return chain + pace.computing + max(pace.l2, pace.memory)
    computing = pace.computing / turns + BARRIER
    fetching = max(pace.l2, pace.memory) / turns
    depth = stages - 1
    if code.asynchronous and depth >= 1:
        return chain + latency + turns * max(computing, fetching, (latency + fetching) / depth)
    return chain + turns * (latency + fetching + computing)


def _waves(count: int, resident: int, busiest: float, chain: float, gpu: Gpu) -> tuple[float, float]:
    """Cycles for all blocks, and the waves that they come in."""
    full, rest = divmod(count, resident * gpu.multiprocessors)
    cycles = full * max(resident * busiest, chain)
    if rest:
        cycles += max(-(-rest // gpu.multiprocessors) * busiest, chain)
    return cycles, count / (resident * gpu.multiprocessors)


def _mean(values: Any) -> float:
    return float(np.mean(values))
