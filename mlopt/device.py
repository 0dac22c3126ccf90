"""The right to a device: time is taken alone, whoever takes it.

A device is a set of CPU cores of this machine. Work that merely computes (compiling) shares it; work that takes time
holds it alone. The right is a file lock for each core, so it holds across processes and studies, and ends with its
holder. Waiting for it is not counted towards a work's deadline.
"""

from __future__ import annotations

import fcntl
import functools
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

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
    folder = _folder(tempfile.gettempdir())
    try:
        for core in sorted(os.sched_getaffinity(0)):
            # Who waits holds the gate meanwhile, so that a stream of sharers cannot keep a loner out.
            with ExitStack() as gate:
                fcntl.flock(_open(gate, f"{folder}/gate-{core}.lock"), fcntl.LOCK_EX | kind & fcntl.LOCK_NB)
                fcntl.flock(_open(held, f"{folder}/core-{core}.lock"), kind)
    except BlockingIOError:
        return False
    return True


def _open(stack: ExitStack, path: str) -> int:
    """A descriptor of its own, since that is what a lock belongs to; closed, and so unlocked, by `stack`."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    stack.callback(os.close, descriptor)
    return descriptor


@functools.cache
def _folder(temporary: str) -> str:
    folder = f"{temporary}/mlopt-{os.getuid()}"
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder
