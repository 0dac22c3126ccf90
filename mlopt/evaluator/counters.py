"""Hardware counters of a kernel's calls, by Linux's perf_event_open; where the system refuses one, it is left out."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Protocol

EVENTS: Mapping[str, int] = {"cycles": 0, "instructions": 1, "cache_misses": 3}
"""The generalised hardware events of linux/perf_event.h, by the metric that each becomes."""

_SYSCALLS = {"x86_64": 298, "aarch64": 241}
_TYPE_HARDWARE = 0
_ATTRIBUTE = "=IIQQQQQ64x"
"""struct perf_event_attr: type, size, config, sample period and type, read format, flags; the rest is zero."""
_READ_FORMAT = 1 | 2
"""With each value, the nanoseconds that it was enabled, and that it was counted."""
_USER_SPACE_ALONE = 1 << 5 | 1 << 6
"""Flags exclude_kernel and exclude_hv: what an ordinary user may count."""
_CLOSE_ON_EXEC = 8


class System(Protocol):
    """Where counters come from."""

    def threads(self) -> list[int]:
        """This process's threads: a counter belongs to one."""

    def open(self, config: int, thread: int) -> int:
        """A counter of a hardware event that counts from now on. Raises OSError."""

    def read(self, counter: int) -> tuple[int, int, int]:
        """The count, the nanoseconds enabled, the nanoseconds counted: fewer where events share a register."""

    def close(self, counter: int) -> None: ...


class Linux:
    """The kernel that we run on."""

    def threads(self) -> list[int]:
        return [int(name) for name in os.listdir("/proc/self/task")]

    def open(self, config: int, thread: int) -> int:
        number = _SYSCALLS.get(platform.machine())
        if number is None:
            raise OSError("no system call is known for this machine")
        size = struct.calcsize(_ATTRIBUTE)
        attribute = struct.pack(_ATTRIBUTE, _TYPE_HARDWARE, size, config, 0, 0, _READ_FORMAT, _USER_SPACE_ALONE)
        counter: int = ctypes.CDLL(None, use_errno=True).syscall(number, attribute, thread, -1, -1, _CLOSE_ON_EXEC)
        if counter < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return counter

    def read(self, counter: int) -> tuple[int, int, int]:
        count, enabled, counted = struct.unpack("=QQQ", os.read(counter, 24))
        return count, enabled, counted

    def close(self, counter: int) -> None:
        os.close(counter)


LINUX = Linux()


def count(calls: Callable[[], int], system: System = LINUX) -> dict[str, float]:
    """What one call costs in each of EVENTS that can be counted, over all threads; `calls` says how many it made.

    Nothing is called where nothing can be counted.
    """
    with ExitStack() as stack:
        counters = {name: found for name, config in EVENTS.items() if (found := _open(system, config, stack))}
        if not counters:
            return {}
        before = {name: _total(system, opened) for name, opened in counters.items()}
        made = calls()
        after = {name: _total(system, opened) for name, opened in counters.items()}
        return {name: (total - (before[name] or 0.0)) / made for name, total in after.items() if total is not None}


def _open(system: System, config: int, stack: ExitStack) -> list[int]:
    """A counter for every thread, none where the system does not have it; `stack` closes them."""
    opened = []
    with contextlib.suppress(OSError):
        for thread in system.threads():
            opened.append(system.open(config, thread))
            stack.callback(system.close, opened[-1])
        return opened
    return []


def _total(system: System, counters: list[int]) -> float | None:
    """The sum over threads, each scaled to all of its time; None where no counter had its turn yet."""
    readings = [system.read(counter) for counter in counters]
    counts = [value * enabled / counted for value, enabled, counted in readings if counted]
    return sum(counts) if counts else None
