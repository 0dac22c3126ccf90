"""When the finals have to be through with what, if their seconds are limited."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from ..executor.worker import Worker
from .contender import Skipped

READY, TIMED = 0.6, 0.8
"""The shares of the seconds by which all are ready, and have had their turns: the last checks take as long as turns,
and who is quickly ready leaves more to both."""

SLOW_SHARE = 0.25
"""Of the seconds left for turns, what a slow contender may take."""


class OutOfTime(Skipped):
    """The finals' seconds were over before a contender was through."""


class Timetable:
    """Counts from when it is made; infinite `seconds` end nothing."""

    def __init__(self, seconds: float) -> None:
        start = time.monotonic()
        self._seconds = seconds
        self._ready, self._end = start + READY * seconds, start + seconds
        self.timed = start + TIMED * seconds
        """When all have to have had their turns, by `time.monotonic`."""

    def slow_seconds(self, usual: float) -> float:
        """What a slow contender's turns may take in all: as `usual`, or less where that is too much."""
        return min(usual, SLOW_SHARE * (TIMED - READY) * self._seconds)

    def has_turn(self, lasts: float) -> bool:
        """Whether one more turn that lasts so many seconds ends in time for the checks."""
        return time.monotonic() + lasts < self.timed

    def until_ready(self, late: Callable[[], Iterable[Worker]]) -> contextlib.AbstractContextManager[None]:
        """Close the workers that are `late` when all have to be ready."""
        return _closing(self._ready, late)

    def until_the_end(self, late: Callable[[], Iterable[Worker]]) -> contextlib.AbstractContextManager[None]:
        """Close the workers that are `late` at the very end."""
        return _closing(self._end, late)


@contextlib.contextmanager
def _closing(end: float, late: Callable[[], Iterable[Worker]]) -> Iterator[None]:
    if math.isinf(end):
        yield
        return

    def close() -> None:
        for worker in late():
            worker.close()

    # No deadline of each work: that one stands still while others take time, and the budget does not.
    timer = threading.Timer(max(0.0, end - time.monotonic()), close)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
