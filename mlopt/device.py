"""The right to a device: time is taken alone, whoever takes it.

A device is a set of CPU cores of this machine. Work that merely computes (compiling) shares it; work that takes time
holds it alone. The right is a file lock for each core, so it holds across processes and studies, and ends with its
holder. Waiting for it is not counted towards a work's deadline.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from .executor import clock


@contextmanager
def shared() -> Iterator[None]:
    """Compute on this process's cores while nobody takes time there."""
    with _cores(fcntl.LOCK_SH):
        yield


@contextmanager
def alone() -> Iterator[None]:
    """Have this process's cores to itself."""
    with _cores(fcntl.LOCK_EX):
        yield


@contextmanager
def _cores(kind: int) -> Iterator[None]:
    with ExitStack() as held:
        if not _lock(held, kind | fcntl.LOCK_NB):
            held.close()
            with clock.stopped():
                _lock(held, kind)
        yield


def _lock(held: ExitStack, kind: int) -> bool:
    """Lock every core, in one order so that no two wait for each other; False if that needs waiting and must not."""
    try:
        for core in sorted(os.sched_getaffinity(0)):
            # Who waits holds the gate meanwhile, so that a stream of sharers cannot keep a loner out.
            with _open(f"gate-{core}") as gate:
                fcntl.flock(gate, fcntl.LOCK_EX | kind & fcntl.LOCK_NB)
                fcntl.flock(held.enter_context(_open(f"core-{core}")), kind)
    except BlockingIOError:
        return False
    return True


def _open(name: str) -> IO[bytes]:
    folder = Path(tempfile.gettempdir()) / f"mlopt-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return (folder / f"{name}.lock").open("ab")
