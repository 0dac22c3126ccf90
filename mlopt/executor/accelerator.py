"""The right to one of several accelerators, such as GPUs: on each time is taken alone, whoever takes it.

Each is known by a name that is its own, in every process of this machine, and the right to it is the lock of a file.
Compilers go on beside: what is timed is timed by the accelerator's own clock. Whoever takes time on the CPU stops
whoever holds this right, as all who compute there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path

from . import clock, device

_POLL_SECONDS = 0.002

_had: ContextVar[str | None] = ContextVar("had", default=None)
"""The one that is had already."""


@contextmanager
def one_of(names: Sequence[str]) -> Iterator[str]:
    """Have the first free one of these accelerators to oneself, and a share of this process's cores; gives its name.

    Waiting is not counted towards a work's deadline.
    """
    with ExitStack() as stack:
        stack.enter_context(device.shared())
        files = [_open(name, stack) for name in names]
        number = _first_free(files)
        if number is None:
            with clock.stopped():
                while (number := _first_free(files)) is None:
                    time.sleep(_POLL_SECONDS)
        stack.enter_context(_on_share_of_cores(number, len(names)))
        stack.callback(_had.reset, _had.set(names[number]))
        yield names[number]


@contextmanager
def held(names: Sequence[str]) -> Iterator[str]:
    """Have one of these accelerators: the one that is had already, if so, else as by `one_of`.

    Who has all cores to itself, while everybody else stands still, has the first one.
    """
    had = _had.get()
    if had is not None and had in names:
        yield had
    elif device.is_alone():
        yield names[0]
    else:
        with one_of(names) as name:
            yield name


def _first_free(files: Sequence[int]) -> int | None:
    """Lock one of the files, without waiting; its number, None where all are locked."""
    for number, file in enumerate(files):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return number
    return None


@contextmanager
def _on_share_of_cores(number: int, count: int) -> Iterator[None]:
    """So that those who launch kernels on several accelerators at once do not meet on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[number % len(before) :: count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _open(name: str, stack: ExitStack) -> int:
    """A descriptor of the file of this accelerator, since that is what a lock belongs to; `stack` closes it."""
    file = Path(device.folder()) / f"accelerator-{name}"
    with contextlib.suppress(FileExistsError):
        file.touch(exist_ok=False)
        file.chmod(0o644)
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    return descriptor
