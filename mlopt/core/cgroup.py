"""What this process's control groups, such as a container's, leave it of the machine; in either version of them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path


def memory_limits() -> list[int]:
    """The limits on memory in bytes, from the innermost group outwards; groups without a limit are left out."""
    contents = [*_read("", "memory.max"), *_read("memory", "memory.limit_in_bytes")]
    return [int(limit) for limit in contents if limit != "max"]


@functools.cache
def cpu_limits() -> tuple[float, ...]:
    """The limits on CPU time in seconds a second, that is in cores, as `memory_limits` gives those on memory."""
    quotas = [tuple(content.split()) for content in _read("", "cpu.max")]
    quotas += zip(_read("cpu", "cpu.cfs_quota_us"), _read("cpu", "cpu.cfs_period_us"), strict=True)
    return tuple(int(quota) / int(period) for quota, period in quotas if quota not in ("max", "-1"))


def _read(controller: str, name: str) -> Iterator[str]:
    """The contents of a file in each of the groups that hold this process for a controller ('': all of version 2)."""
    for line in _lines(Path("/proc/self/cgroup")):
        _, controllers, group = line.split(":", 2)
        if controller in controllers.split(","):
            for folder in (Path(group), *Path(group).parents):
                yield from _lines(Path(f"/sys/fs/cgroup/{controller}{folder}/{name}"))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
