"""What this machine and this software are: a measurement means nothing without it."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from . import cgroup

PACKAGES = ("mlopt", "torch-mlir", "torch", "triton", "numpy", "intel-openmp")
"""Distributions whose version can change what a kernel costs."""

CPU = ("cpu", "machine", "flags")
"""What of a fingerprint tells CPUs apart."""


@functools.cache
def cpu_flags() -> frozenset[str]:
    """The CPU's feature flags as the kernel names them; empty where it does not say."""
    for line in _cpuinfo():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def available_cores() -> int:
    """CPU cores that this process may use; part of a core, which a control group may allow, counts as one."""
    return min([len(os.sched_getaffinity(0)), *map(math.ceil, cgroup.cpu_limits())])


def cache_bytes() -> dict[str, int]:
    """Size of each data or unified cache level of the first core, such as {'L1': 32768}."""
    sizes = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            kind, level, size = ((index / name).read_text().strip() for name in ("type", "level", "size"))
            if kind != "Instruction":
                sizes[f"L{level}"] = _bytes(size)
        except (OSError, ValueError):
            continue
    return sizes


def all_cache_bytes(folder: Path = Path("/sys/devices/system/cpu")) -> int:
    """Size of all data and unified caches of the machine together, each counted once however many cores share it."""
    caches = {}
    for index in folder.glob("cpu[0-9]*/cache/index*"):
        try:
            kind, level, size, cores = (
                (index / name).read_text().strip() for name in ("type", "level", "size", "shared_cpu_list")
            )
            if kind != "Instruction":
                caches[level, cores] = _bytes(size)
        except (OSError, ValueError):
            continue
    return sum(caches.values())


def _bytes(size: str) -> int:
    return int(size.rstrip("KM")) * (1 << 20 if size.endswith("M") else 1 << 10)


def fingerprint() -> dict[str, Any]:
    """Hardware and versions as plain data; equal on equal machines."""
    return {
        **hardware(),
        "caches": cache_bytes(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": dict(_versions()),
    }


def hardware() -> dict[str, Any]:
    """What times must have in common to be compared; equal on equal machines."""
    return {
        "cpu": _cpu_name(),
        "machine": platform.machine(),
        "cores": available_cores(),
        "flags": _digest(cpu_flags()),
    }


def digest(value: Any) -> str:
    """A short content hash of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def _digest(words: Iterable[str]) -> str:
    return digest(sorted(words))


def _cpu_name() -> str:
    names = (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name"))
    return next(names, "unknown")


@functools.cache
def _cpuinfo() -> tuple[str, ...]:
    try:
        return tuple(Path("/proc/cpuinfo").read_text().splitlines())
    except OSError:
        return ()


def _versions() -> Iterable[tuple[str, str]]:
    for package in PACKAGES:
        try:
            yield package, metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
