"""What this machine has to share out among workers."""

from __future__ import annotations

import psutil

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
    return min([int(psutil.virtual_memory().total), *cgroup.memory_limits()]) // 2 // slots
