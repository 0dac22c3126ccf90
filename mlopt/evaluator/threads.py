"""Whether a kernel computes on more threads than it was given: its calls then take more CPU time than they may."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ..core.errors import WrongResult
from ..core.fingerprint import available_cores

TOLERANCE = 0.1
"""Relative; what the process does besides, such as the hearing of a worker's pipe."""

TICK = 0.004
"""Seconds by which the system's account of another running thread's CPU time is late, at most: it is brought up to date
at ticks of the scheduler, and when the thread pauses."""

DEVIATIONS = 4.0
"""Of the ticks of helper threads that are allowed, whose number in calls comes of chance: what is beyond is none."""

DECIDED_SECONDS = 0.15
"""Time of calls after which a kernel in doubt is acquitted."""

_SCHEDULE = Path("/proc/thread-self/schedstat")

Clock = Callable[[], float]


class Threads:
    """The CPU time of this process in calls of a kernel that may use `most` threads; None: as many as there are."""

    def __init__(
        self,
        most: int | None,
        cores: int | None = None,
        wall: Clock = time.perf_counter,
        cpu: Clock = time.process_time,
        delay: Clock | None = None,
    ) -> None:
        self._most = most
        self._cores = available_cores() if cores is None else cores
        self._clocks = wall, delay or _delay, cpu
        self._seconds = self._cpu_seconds = self._delay_seconds = 0.0

    def begin(self) -> None:
        """Calls are about to be made."""
        self._start = [clock() for clock in self._clocks]

    def end(self) -> None:
        """They have returned."""
        # The other way round, so that who is kept from a core between two clocks is never charged for that.
        now = [clock() for clock in reversed(self._clocks)][::-1]
        seconds, delay, cpu = (end - start for end, start in zip(now, self._start, strict=True))
        self._seconds += seconds
        self._cpu_seconds += cpu
        self._delay_seconds += delay

    @property
    def in_doubt(self) -> bool:
        """Whether more threads than allowed seem to compute, and calls were too few to know."""
        return self._seconds < DECIDED_SECONDS and self._excess > 0.0

    def verify(self) -> None:
        """Raises WrongResult where calls took more CPU time than the threads that are allowed could."""
        if self._most is None:
            return
        late = TICK + DEVIATIONS * ((self._most - 1) * self._seconds * TICK) ** 0.5
        if self._excess > late:
            used = self._most * self._cpu_seconds / self._allowed
            raise WrongResult(f"the kernel computes on {used:.2g} threads where it has {self._most}")

    @property
    def _excess(self) -> float:
        """CPU seconds beyond what is tolerated; where all cores may be used, there is nothing to gain."""
        if self._most is None or self._most >= self._cores:
            return 0.0
        return self._cpu_seconds - (1.0 + TOLERANCE) * self._allowed

    @property
    def _allowed(self) -> float:
        """CPU seconds of as many threads, of which the one that calls may have waited for a core."""
        return (self._most or 0) * self._seconds - self._delay_seconds


def _delay() -> float:
    """Seconds that this thread has waited for a core; 0 where the system does not tell."""
    try:
        return 1e-9 * int(_SCHEDULE.read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
