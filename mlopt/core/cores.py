"""Which cores a kernel's threads run on while time is taken: fixed ones, so that no thread is moved or meets another.

Two threads of one kernel that share a core by the scheduler's mistake can stay so for seconds, at a third of the speed.
"""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import cgroup

_CPUS = Path("/sys/devices/system/cpu")


def placement(folder: Path = _CPUS) -> tuple[int, ...]:
    """The core of each thread in turn: one of every physical core, then their siblings.

    From the last core down, because the first one has most of the system's own work. Nothing where a control group
    allows less time than all these cores have: others may be pinned to the same ones, and only the scheduler sees that.
    """
    allowed = sorted(os.sched_getaffinity(0), reverse=True)
    if min(map(math.floor, cgroup.cpu_limits()), default=len(allowed)) < len(allowed):
        return ()
    first: list[int] = []
    siblings: list[int] = []
    seen: set[str] = set()
    for core in allowed:
        physical = _read(folder / f"cpu{core}" / "topology" / "thread_siblings_list") or str(core)
        (siblings if physical in seen else first).append(core)
        seen.add(physical)
    return (*first, *siblings)


@contextmanager
def pinned() -> Iterator[None]:
    """Keep the calling thread on the first core of `placement`; a kernel's helper threads have the following ones."""
    before, cores = os.sched_getaffinity(0), placement()
    if not cores:
        yield
        return
    os.sched_setaffinity(0, cores[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin_helpers(runtime: ctypes.CDLL, cores: tuple[int, ...]) -> None:
    """Keep thread i of this process's OpenMP team on `cores[i]` from now on, but for thread 0, which is the caller.

    `runtime` is libgomp, or another OpenMP library with its entry points.
    """

    def pin(_: object) -> None:
        if number := runtime.omp_get_thread_num():
            os.sched_setaffinity(0, cores[number : number + 1])  # 0: the thread that calls this

    if len(cores) > 1:
        runtime.GOMP_parallel(ctypes.CFUNCTYPE(None, ctypes.c_void_p)(pin), None, len(cores), 0)


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
