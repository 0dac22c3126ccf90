"""CPU time, which what else runs on the machine does not add to."""

from __future__ import annotations

import resource
import time


def cpu_seconds() -> float:
    """CPU seconds so far of this thread, and of the processes that this one has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.thread_time() + children.ru_utime + children.ru_stime
