"""What a kernel must leave as it is in the process that times it, since it would change its time or others'."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.errors import Tampered
from .prying import prying
from .tampering import code, mend_code

_CLOCKS = tuple((name, getattr(time, name)) for name in ("perf_counter", "perf_counter_ns", "process_time", "sleep"))
_now, _raw_time, _RAW = time.perf_counter, time.clock_gettime, time.CLOCK_MONOTONIC_RAW
_FE_DFL_ENV = ctypes.c_void_p(-1)
"""The default floating-point environment, as libm names it."""

_PRCTL, _PR_SET_THP_DISABLE, _PR_GET_THP_DISABLE = ctypes.CDLL(None).prctl, 41, 42

RATE = 0.01
"""By how much two clocks may differ; those of one machine are adjusted by 0.05 % at most."""

MOST_READING_SECONDS = 1e-3
"""Two clocks that are not read within this were read with a pause in between, and say nothing."""

TOOLS = 6
"""Of `sys.monitoring` at most."""


class Surroundings:
    """What a kernel must leave as it is, as that is when this is made: before any of the kernel's own code has run.

    That are the processor's rounding and subnormal numbers, signals and timers, priority, child processes that still
    live, settings of the interpreter and of the process's memory, and the code that judges.
    """

    def __init__(self) -> None:
        self._offences = prying().offences
        self._code, self._settings, self._hooks = code(), _settings(), _hooks()
        self._rounding, self._priority = _rounding(), _priority()
        self._handlers, self._timers = _handlers(), _timers()
        self._children = _children()

    def mended(self) -> list[str]:
        """Put all right that is not as it was; what that was."""
        return [
            *mend_code(self._code),
            *_mend_hooks(self._hooks),
            *_mend_settings(self._settings),
            *_mend_rounding(self._rounding),
            *_mend_signals(self._handlers, self._timers),
            *_mend_priority(self._priority),
            *_end(_children() - self._children),
            *(["searches what others hold, or changes how they judge"] if prying().offences > self._offences else []),
        ]


@contextlib.contextmanager
def unchanged(since: Surroundings | None = None) -> Iterator[None]:
    """Run a kernel within. Raises Tampered, once all is put right again, when something is not as it was `since` then.

    Clocks and cores must be as they are now; without `since` all must be.
    """
    before, cores, clocks = since or Surroundings(), os.sched_getaffinity(0), _read_clocks()
    try:
        yield
    finally:
        faults = [*before.mended(), *_mend_clocks(clocks), *_mend_cores(cores)]
        # In place of another fault of the kernel, if there is one, which may come of it.
        if faults:
            raise Tampered(f"the kernel {faults[0]}")


def _mend_clocks(before: tuple[float, float]) -> Iterator[str]:
    faked = [(name, clock) for name, clock in _CLOCKS if getattr(time, name) is not clock]
    for name, clock in faked:
        setattr(time, name, clock)
    seconds, raw = (after - start for after, start in zip(_read_clocks(), before, strict=True))
    if faked or abs(seconds - raw) > RATE * raw + MOST_READING_SECONDS:
        yield "tampered with the clock"


def _read_clocks() -> tuple[float, float]:
    """The clock that times calls and the one that nobody adjusts, in seconds, read at one moment."""
    for _ in range(100):
        start, seconds, end = _raw_time(_RAW), _now(), _raw_time(_RAW)
        if end - start < MOST_READING_SECONDS:
            break
    return seconds, start


def _rounding() -> tuple[float, ...]:
    """Sums and products that come out otherwise when rounding or subnormal numbers are changed."""
    one, half_step, least = 1.0, 2.0**-53, float.fromhex("0x1p-1074")
    return one + half_step, -one - half_step, one + 1.5 * half_step, least + least, 2.0**-600 * 2.0**-460


def _mend_rounding(before: tuple[float, ...]) -> Iterator[str]:
    if _rounding() != before:
        ctypes.CDLL("libm.so.6").fesetenv(_FE_DFL_ENV)
        yield "changed how the processor rounds"


def _handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def _timers() -> set[int]:
    """Which of the process's interval timers run."""
    kinds = signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF
    return {kind for kind in kinds if signal.getitimer(kind) != (0.0, 0.0)}


def _mend_signals(handlers: dict[int, Any], timers: set[int]) -> Iterator[str]:
    changed = {number: handler for number, handler in handlers.items() if signal.getsignal(number) is not handler}
    for number, handler in changed.items():
        with contextlib.suppress(ValueError, TypeError):  # not in the main thread, or not set by Python
            signal.signal(number, handler)
    started = _timers() - timers
    for timer in started:
        signal.setitimer(timer, 0.0)
    if changed or started:
        yield "left a signal handler or a timer behind"


def _settings() -> tuple[float, bool, int]:
    """How threads take turns, whether garbage is collected, whether the process is refused huge pages."""
    return sys.getswitchinterval(), gc.isenabled(), _PRCTL(_PR_GET_THP_DISABLE, 0, 0, 0, 0)


def _mend_settings(before: tuple[float, bool, int]) -> Iterator[str]:
    if _settings() != before:
        interval, collects, no_huge_pages = before
        sys.setswitchinterval(interval)
        (gc.enable if collects else gc.disable)()
        _PRCTL(_PR_SET_THP_DISABLE, no_huge_pages, 0, 0, 0)
        yield "changed settings of its process"


def _hooks() -> tuple[Any, Any, tuple[Any, ...]]:
    """Who is told of every call in this thread, with its caller; and of which tools the interpreter knows that ask."""
    monitoring = getattr(sys, "monitoring", None)  # since Python 3.12
    return sys.getprofile(), sys.gettrace(), tuple(map(monitoring.get_tool, range(TOOLS))) if monitoring else ()


def _mend_hooks(before: tuple[Any, Any, tuple[Any, ...]]) -> Iterator[str]:
    profile, trace, tools = _hooks()
    if profile is before[0] and trace is before[1] and tools == before[2]:
        return
    sys.setprofile(before[0])
    sys.settrace(before[1])
    for number, (now, then) in enumerate(zip(tools, before[2], strict=True)):
        if now != then and now is not None:
            monitoring = getattr(sys, "monitoring")  # noqa: B009 - unknown to Python 3.11
            monitoring.set_events(number, 0)
            monitoring.free_tool_id(number)
    yield "has itself told who calls it"


def _priority() -> tuple[int, int]:
    return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)


def _mend_priority(before: tuple[int, int]) -> Iterator[str]:
    if _priority() != before:
        policy, priority = before
        with contextlib.suppress(OSError):  # what it gave away may need rights to be had again
            os.sched_setscheduler(0, policy, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, 0, priority)
        yield "changed its priority"


def _mend_cores(before: set[int]) -> Iterator[str]:
    if os.sched_getaffinity(0) != before:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, before)
        yield "changed its cores"


def _children() -> set[int]:
    """The child processes; none where the system does not tell."""
    found: set[int] = set()
    for thread in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended
            found.update(map(int, thread.read_text().split()))
    return found


def _end(children: set[int]) -> Iterator[str]:
    """Kill the processes that still run."""
    running = False
    for child in children:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            running |= os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
            os.kill(child, signal.SIGKILL)
    if running:
        yield "left a process behind"
