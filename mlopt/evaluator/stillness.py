"""Whether a kernel is at rest when its calls have returned."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ..core.errors import WrongResult
from ..protocols import Array, Kernel
from .correctness import is_poisoned, poison
from .timing import Call

FIRST_SECONDS, LAST_SECONDS = 2e-3, 0.6
"""How long it is looked at, and up to how long while threads are busy: a pool may wait actively for a moment."""

BUSY = 0.5
"""Cores that compute while nobody calls."""

_TASKS = Path("/proc/self/task")


def is_still() -> bool:
    """Whether nothing computes in this process, or ceases to soon: a library's threads may spin when they have worked.

    What an earlier kernel left behind is not the next one's fault.
    """
    if len(list(_TASKS.glob("[0-9]*"))) == 1:  # whoever asks
        return True
    seconds = FIRST_SECONDS
    while _is_busy(seconds):
        seconds *= 2.0
        if seconds > LAST_SECONDS:
            return False
    return True


def calm_down() -> None:
    """Wait for threads that wait actively for a moment when they have worked, as those that make references do."""
    is_still()


def demand_stillness(kernel: Kernel, call: Call, outputs: Sequence[Array]) -> None:
    """Put `kernel` to rest after one more `call`. Raises WrongResult if it computes, or writes to `outputs`, then."""
    call()
    for output in outputs:
        poison(output)
    kernel.rest()
    if not is_still():
        raise WrongResult("the kernel goes on computing when its calls have returned")
    if not all(map(is_poisoned, outputs)):
        raise WrongResult("the kernel writes to its outputs when its calls have returned")


def _is_busy(seconds: float) -> bool:
    """Whether this process computes while it waits for so long, or would if it had a core."""
    start, spent = time.perf_counter(), time.process_time()
    time.sleep(seconds)
    return time.process_time() - spent > BUSY * (time.perf_counter() - start) or _another_thread_runs()


def _another_thread_runs() -> bool:
    for task in _TASKS.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # a thread that has ended
            state = (task / "stat").read_text().rpartition(")")[2].split()[0]
            if state == "R" and int(task.name) != threading.get_native_id():
                return True
    return False
