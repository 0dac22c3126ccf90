"""Seconds that a transformed program should take on a CPU: computing against moving data, loop by loop."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ....core.errors import CompileError
from ..bindings import active, ir
from ..payload.frontend import first_line
from ..target import Cpu
from .core import Body
from .memory import LINE, PAGE, Visits, grouped
from .read import read
from .tree import Loop, Tree


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds in all; and of the busiest thread those for computing and those for moving data, each on its own."""

    seconds: float
    computing: float
    moving: float


def simulate(module: Any, cpu: Cpu, threads: int) -> dict[str, float]:
    """The metrics of a program on buffers, given as a module or as its text. Raises CompileError."""
    with active():
        try:
            tree = read(ir.Module.parse(module).operation if isinstance(module, str) else module)
        except (ir.MLIRError, ValueError, LookupError, StopIteration) as error:
            raise CompileError(f"the program cannot be simulated: {first_line(error)}") from error
    found = estimate(tree, cpu, threads)
    return {"cost": found.seconds, "cost_computing": found.computing, "cost_moving": found.moving}


def estimate(tree: Tree, cpu: Cpu, threads: int) -> Cost:
    forks = _share_out(tree, threads)
    alike = grouped(tree.root)
    lines, pages = Visits(tree, alike, LINE), Visits(tree, alike, PAGE)
    sharers = threads if forks else 1
    moved: dict[int, float] = {}
    for position, cache in enumerate(cpu.caches):
        capacity = cache.bytes / sharers if cache.shared else cache.bytes
        sets = 0 if position else cache.bytes // LINE // cache.ways
        rate = _rate(cpu, position + 1, sharers)
        for number, size in lines.traffic(capacity, sets).items():
            moved[number] = max(moved.get(number, 0.0), size / rate)
    walks = pages.traffic(cpu.tlb_entries * PAGE)
    cycles = computing = moving = 0.0
    for loop, times in _loops(tree.root, 1.0):
        body = Body(loop, cpu, tree.temporary)
        work = times * max(loop.trips, 0.0) * body.cycles()
        if loop.number:
            work += times * entering(loop, cpu)
        data = moved.get(loop.number, 0.0)
        walk = walks.get(loop.number, 0.0) / PAGE * cpu.page_walk
        computing += work
        moving += max(data, walk)
        cycles += max(work, data, walk)  # pages are looked up while lines move
    hertz = cpu.gigahertz * 1e9
    return Cost(cycles / hertz + forks * cpu.fork_microseconds * 1e-6, computing / hertz, moving / hertz)


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


def _share_out(tree: Tree, threads: int) -> float:
    """Leave each parallel loop the iterations of its busiest thread; how often parallel loops begin in all."""
    forks = 0.0

    def visit(loop: Loop, times: float) -> None:
        nonlocal forks
        if loop.parallel and threads > 1:
            forks += times
            nest = [loop]
            while len(nest[-1].loops) == 1 and nest[-1].loops[0].parallel:
                nest.append(nest[-1].loops[0])
            blocks = math.prod(each.trips for each in nest)
            loop.trips *= math.ceil(blocks / threads) / max(blocks, 1.0)
            tree.trips[loop.number] = loop.trips
            return
        for inner in loop.loops:
            visit(inner, times * loop.trips)

    visit(tree.root, 1.0)
    return forks
