"""What this machine has to share out among workers."""

from __future__ import annotations

from pathlib import Path

import psutil

from mlopt.core.errors import UserError
from mlopt.core.fingerprint import available_cores

_MOST_SLOTS = 8


def slots(asked: int | None) -> int:
    """How many works run at once: as asked, else one for each core this process may use, at most 8."""
    if asked is not None and asked < 1:
        raise UserError(f"executor.slots must be at least 1, not {asked}")
    return min(available_cores(), _MOST_SLOTS) if asked is None else asked


def memory_share(slots: int) -> int:
    """Bytes that each of `slots` workers may hold when together they may hold half of the memory."""
    return min([int(psutil.virtual_memory().total), *_cgroup_limits()]) // 2 // slots


def _cgroup_limits() -> list[int]:
    """The memory limits in bytes of this process's control groups, from the innermost outwards, in either version."""
    files = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            files += [Path(f"/sys/fs/cgroup{parent}/memory.max") for parent in _upwards(group)]
        elif controllers == "memory":
            files += [Path(f"/sys/fs/cgroup/memory{parent}/memory.limit_in_bytes") for parent in _upwards(group)]
    limits = [file.read_text().strip() for file in files if file.exists()]
    return [int(limit) for limit in limits if limit != "max"]


def _upwards(group: str) -> list[Path]:
    return [Path(group), *Path(group).parents]
