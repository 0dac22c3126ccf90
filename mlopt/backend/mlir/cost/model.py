"""Seconds that a transformed program should take on a CPU: computing against moving data, loop by loop."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ....core.errors import CompileError
from ....core.garbage import uncollected
from ..bindings import active, ir
from ..payload.frontend import first_line
from ..target import Cpu
from .core import Body
from .memory import LINE, PAGE, Traffic, Visits, grouped, past_caches
from .read import read
from .tree import Loop, Tree

UNDER_WAY = 10
"""Lines that a core waits for at once: its miss buffers, 10 to 16 in cores of the last decade, less what is held up."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds in all; and of the busiest thread those for computing and those for moving data, each on its own."""

    seconds: float
    computing: float
    moving: float

    @property
    def metrics(self) -> dict[str, float]:
        return {"cost": self.seconds, "cost_computing": self.computing, "cost_moving": self.moving}


@dataclass(frozen=True, slots=True)
class Part:
    """The operations that stand directly in a loop, over the whole program; cycles and bytes of the busiest thread."""

    body: Body
    times: float
    """How often the loop is entered."""
    computing: float
    entering: float
    """Of `computing`, the cycles to begin and end the loop."""
    moving: float
    moved: tuple[float, ...]
    """Bytes into each level of cache, the innermost first, both ways; in the last, also what is streamed past all."""
    walked: float
    """Pages that are looked up."""

    @property
    def loop(self) -> Loop:
        return self.body.loop

    @property
    def iterations(self) -> float:
        return self.times * max(self.loop.trips, 0.0)


@dataclass(frozen=True, slots=True)
class Share:
    """How a nest of parallel loops is given to threads."""

    forks: float
    """How often it begins."""
    blocks: float
    busiest: float
    """Blocks of the thread that has most."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that is known of a program."""

    cost: Cost
    parts: Sequence[Part]
    tree: Tree
    shares: Sequence[Share]
    threads: int


def analyse(module: Any, cpu: Cpu, threads: int) -> Analysis:
    """Look at a program on buffers, given as a module or as its text. Raises CompileError."""
    with uncollected():
        with active():
            try:
                tree = read(ir.Module.parse(module).operation if isinstance(module, str) else module)
            except (ir.MLIRError, ValueError, LookupError, StopIteration) as error:
                raise CompileError(f"the program cannot be simulated: {first_line(error)}") from error
        return estimate(tree, cpu, threads)


def estimate(tree: Tree, cpu: Cpu, threads: int) -> Analysis:
    """What a program costs, loop by loop; leaves the tree with the busiest thread's iterations."""
    shares = _share_out(tree, threads)
    forks = sum(share.forks for share in shares)
    alike = grouped(tree.root)
    cached = {loop: [group for group in groups if not group.streamed] for loop, groups in alike.items()}
    lines, pages = Visits(tree, cached, LINE), Visits(tree, alike, PAGE)
    sharers = threads if forks else 1
    traffic = []
    for position, cache in enumerate(cpu.caches):
        capacity = cache.bytes / sharers if cache.shared else cache.bytes
        sets = 0 if position else cache.bytes // LINE // cache.ways
        traffic.append(lines.traffic(capacity, sets))
    rates = [_rate(cpu, level, sharers) for level in range(1, len(cpu.caches) + 1)]
    walks = pages.traffic(cpu.tlb_entries * PAGE)
    parts = []
    for loop, times in _loops(tree.root, 1.0):
        body = Body(loop, cpu, tree.temporary)
        entry = times * entering(loop, cpu) if loop.number else 0.0
        brought = [level.get(loop.number, Traffic()) for level in traffic]
        moved = [each.bytes for each in brought]
        if moved:
            moved[-1] += times * max(loop.trips, 0.0) * past_caches(alike[loop.number])
        walked = walks.get(loop.number, Traffic()).bytes / PAGE
        computing = times * max(loop.trips, 0.0) * body.cycles() + entry
        waits = [
            each.unforeseen / LINE * cache.miss_cycles / UNDER_WAY
            for each, cache in zip(brought, cpu.caches, strict=True)
        ]
        # Pages are looked up while lines move.
        moving = max(walked * cpu.page_walk, *(size / rate for size, rate in zip(moved, rates, strict=True)))
        moving += max(waits, default=0.0)
        parts.append(Part(body, times, computing, entry, moving, tuple(moved), walked))
    hertz = cpu.gigahertz * 1e9
    cost = Cost(
        sum(max(part.computing, part.moving) for part in parts) / hertz + forks * cpu.fork_microseconds * 1e-6,
        sum(part.computing for part in parts) / hertz,
        sum(part.moving for part in parts) / hertz,
    )
    return Analysis(cost, parts, tree, shares, threads)


def _rate(cpu: Cpu, level: int, sharers: int) -> float:
    """Bytes a cycle that one of so many threads gets from a level of cache, or from memory behind the last."""
    if level < len(cpu.caches):
        return cpu.caches[level].bytes_per_cycle
    share = min(cpu.memory_bytes_per_second / sharers, cpu.memory_bytes_per_second_one_core)
    return share / (cpu.gigahertz * 1e9)


def entering(loop: Loop, cpu: Cpu) -> float:
    """Cycles to begin and end a loop: long ones end with a branch that is not foreseen."""
    if loop.trips <= 1.0 or loop.unrolled:
        return 0.0
    return 2.0 + (cpu.mispredict if loop.trips > 30 or loop.trips % 1.0 else 0.0)


def _loops(loop: Loop, times: float) -> Iterator[tuple[Loop, float]]:
    """Every loop, with how often it is entered."""
    yield loop, times
    for inner in loop.loops:
        yield from _loops(inner, times * loop.trips)


def _share_out(tree: Tree, threads: int) -> list[Share]:
    """Leave each nest of parallel loops the iterations of its busiest thread; how the nests are shared out."""
    shares: list[Share] = []

    def visit(loop: Loop, times: float) -> None:
        if loop.parallel and threads > 1:
            nest = [loop]
            while len(nest[-1].loops) == 1 and nest[-1].loops[0].parallel:
                nest.append(nest[-1].loops[0])
            blocks = math.prod(each.trips for each in nest)
            share = Share(times, blocks, math.ceil(blocks / threads))
            shares.append(share)
            loop.trips *= share.busiest / max(blocks, 1.0)
            tree.trips[loop.number] = loop.trips
            return
        for inner in loop.loops:
            visit(inner, times * loop.trips)

    visit(tree.root, 1.0)
    return shares
