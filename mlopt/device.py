"""The right to a device: time is taken alone, whoever takes it.

A device is a set of CPU cores of this machine. Work that merely computes (compiling) shares it; work that takes time
holds it alone. The right is a file lock, so it holds across processes and studies, and ends with its holder.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def shared() -> Iterator[None]:
    """Compute on this process's cores while nobody takes time there."""
    with _lock("device", fcntl.LOCK_SH):
        yield


@contextmanager
def alone() -> Iterator[None]:
    """Have this process's cores to itself."""
    with _lock("device", fcntl.LOCK_EX):
        yield


@contextmanager
def _lock(name: str, kind: int) -> Iterator[None]:
    # Who waits for the device holds the gate meanwhile, so that a stream of sharers cannot keep a loner out.
    with _open(name) as device:
        with _open("gate") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(device, kind)
        yield


def _open(name: str) -> IO[bytes]:
    folder = Path(tempfile.gettempdir()) / f"mlopt-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    cores = "-".join(str(core) for core in sorted(os.sched_getaffinity(0)))
    return (folder / f"{name}-{cores}.lock").open("ab")
