"""Whether the machine is as fast as it was: a fixed piece of work of our own is timed beside every kernel.

A kernel that was timed while the machine was slow is timed again, when that may decide whether it is the best. Its time
is never corrected by the drift: what slows arithmetic may leave memory alone, and a correction would make speed of it.
"""

from __future__ import annotations

import functools
import hashlib
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..core.statistics import Estimate

READINGS = 9
"""Times that the work is done for one reading, of which the median counts: less than a millisecond in all."""

TOLERANCE = 0.03
"""Relative drift that cannot be told from the noise of a reading."""

CALM = 10
"""One in so many readings is faster than a calm machine: a moment of high clocks, which may not come again."""

MEMORY = 100
"""Readings that are remembered: what clocks were long ago says little."""

ATTEMPTS = 3
"""How often a kernel is timed at most."""

LONG_SECONDS = 2.0
"""Samples that took longer than this together are not taken again: a trial has a deadline."""

_TEXT, _SOURCE, _TARGET = 1 << 14, 1 << 20, 1 << 20
"""Bytes: arithmetic in the inner cache, and a copy through the outer ones, of about equal length."""


class Reference:
    """The fixed work, and what it has lately taken in this process; `work` and `clock` are changed by tests alone."""

    def __init__(
        self, work: Callable[[], object] | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._work = work or _fixed_work()
        self._clock = clock
        self._readings: deque[float] = deque(maxlen=MEMORY)

    def read(self) -> float:
        """Seconds that the work takes now."""
        seconds = []
        for _ in range(READINGS):
            start = self._clock()
            self._work()
            seconds.append(self._clock() - start)
        reading = statistics.median(seconds)
        self._readings.append(reading)
        return reading

    def drift(self, reading: float) -> float:
        """How much slower than on a calm machine, relatively; 0 where it is faster."""
        calm = sorted(self._readings)[len(self._readings) // CALM]
        return max(0.0, reading / calm - 1.0)


class Steady(NamedTuple):
    """Timings taken as steadily as could be had; a tuple, so that nobody can put others in their place."""

    samples: Sequence[float]
    """Seconds."""
    reference_seconds: float
    """What the reference took before or after them, whichever was longer."""
    drift: float
    """The same, relative to what the reference takes in this process on a calm machine."""

    @property
    def may_be_below(self) -> float:
        """The least time, in seconds, that the kernel can be taken to need without the drift."""
        return Estimate.of(self.samples).low / (1.0 + self.drift)


def steady(sample: Callable[[float | None], Sequence[float]], reference: Reference, best: float | None) -> Steady:
    """`sample(best)`, which takes timings until they are surely above `best`, with as little drift as possible.

    While the machine is slow, what is to be beaten is slower too; and a kernel that could be the best without the drift
    is timed again, up to ATTEMPTS times.
    """
    attempts: tuple[Steady, ...] = ()
    before = reference.read()
    while True:
        slowdown = 1.0 + _beyond_noise(reference.drift(before))
        samples = sample(None if best is None else best * slowdown)
        after = reference.read()
        seconds = max(before, after)
        attempts += (Steady(samples, seconds, reference.drift(seconds)),)
        beaten = best is not None and attempts[-1].may_be_below > best
        if beaten or sum(samples) > LONG_SECONDS or not _beyond_noise(attempts[-1].drift) or len(attempts) == ATTEMPTS:
            return min(attempts, key=lambda attempt: attempt.drift)
        before = after


@functools.cache
def reference() -> Reference:
    """This process's own."""
    return Reference()


def _beyond_noise(drift: float) -> float:
    return drift if drift > TOLERANCE else 0.0


def _fixed_work() -> Callable[[], object]:
    text, source, target = bytes(_TEXT), bytearray(_SOURCE), bytearray(_TARGET)

    def work() -> None:
        hashlib.blake2b(text).digest()
        target[:] = source

    return work
