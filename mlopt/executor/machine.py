"""What this machine has to share out among workers."""

from __future__ import annotations

import os

from ..core import cgroup
from ..core.errors import UserError
from ..core.fingerprint import available_cores

_MOST_SLOTS = 8


def check(slots: int | None, memory_bytes: int | None) -> None:
    """Raise UserError for what no executor can be asked for; None leaves the choice to it."""
    if slots is not None and slots < 1:
        raise UserError(f"executor.slots={slots} must be at least 1")
    if memory_bytes is not None and memory_bytes < 1:
        raise UserError(f"executor.memory_bytes={memory_bytes} must be at least 1")


def slots(asked: int | None, cores: int = 1) -> int:
    """How many works of `cores` each run at once: as asked, else as many as there are cores for here, at most 8."""
    return max(1, min(available_cores() // cores, _MOST_SLOTS)) if asked is None else asked


def memory_share(slots: int) -> int:
    """Bytes that each of `slots` workers may hold when together they may hold half of the memory."""
    return memory_bytes() // 2 // slots


def memory_bytes() -> int:
    """The machine's, or as much of it as this process's control groups leave it."""
    return min([os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *cgroup.memory_limits()])
