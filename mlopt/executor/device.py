"""The right to a device: time is taken alone, whoever takes it.

A device is a set of CPU cores of this machine. Whoever computes there enters a register; whoever takes time first
stops all who stand in it, and lets them go on afterwards. Both rights are locks on one file a core, so they hold across
processes, studies and users, and end with their holder: the right to take time is the file's own lock, the register
its bytes, of which each process locks the one that its process id numbers. Who has the right is in a register, too.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import math
import os
import signal
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path

from ..core.errors import UserError
from ..core.processes import Process
from . import clock

_HIGHEST_PID = 1 << 22
_SHARERS, _HOLDERS = 0, _HIGHEST_PID
"""Where the registers begin, of those who compute and of those who take time; each namespace of process ids, as a
container has, has its own two, since a number means another process there."""
_STOP_SECONDS = 0.1
BRIEF_SECONDS = 5.0
"""For which what computes briefly waits for the end of a measurement; most take less."""
_FLOCK = "hhqqi4x"
"""struct flock of 64-bit Linux: type, whence, start, length, process id."""


class Busy(Exception):
    """Somebody else takes time on the device, and has not ended in time."""


_apart = ContextVar("apart", default=False)
_alone = ContextVar("alone", default=False)


@contextmanager
def apart() -> Iterator[None]:
    """Stand aside of all this, in a process that must not be stopped: `shared` does nothing, `alone` raises UserError.

    For what computes as little as a study's own loop does.
    """
    token = _apart.set(True)
    try:
        yield
    finally:
        _apart.reset(token)


@contextmanager
def shared() -> Iterator[None]:
    """Compute on this process's cores while nobody takes time there; this process is stopped when somebody does."""
    if _apart.get():
        yield
        return
    with ExitStack() as stack:
        files = _open(stack)
        for file in files:
            _register(file, _SHARERS)
        # Who takes time already may have read the register before; who does from here on finds this process in it.
        _lock(files, fcntl.LOCK_SH)
        _unlock(files)
        yield


@contextmanager
def alone(until: float = math.inf) -> Iterator[None]:
    """Have this process's cores to itself; not from within `shared`.

    Raises Busy where others have them until then, by `time.monotonic`.
    """
    if _apart.get():
        raise UserError("time is taken in workers: choose executor=local or ray")
    with ExitStack() as stack:
        files = _open(stack)
        _lock(files, fcntl.LOCK_EX, until)
        for file in files:
            _register(file, _HOLDERS)
        # Ourselves too, if a process that we have begun while we computed has copies of the descriptors.
        others = {pid for file in files for pid in _registered(file, _SHARERS)} - {os.getpid()}
        stack.callback(_signal, others, signal.SIGCONT)  # before the lock is given up
        _signal(others, signal.SIGSTOP)
        _await_stopped(others)
        token = _alone.set(True)
        try:
            yield
        finally:
            _alone.reset(token)


@contextmanager
def briefly(seconds: float = BRIEF_SECONDS) -> Iterator[None]:
    """Compute in this thread, on one core and while nobody takes time there; whoever is about to waits for the end.

    For what is short, in a process that must not be stopped. It goes on all the same where somebody takes time for
    longer than `seconds`.
    """
    if _apart.get():
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # the one on which kernels come last (`core.cores`)
    try:
        with ExitStack() as stack:
            files = _open(stack)
            if not _try(files, fcntl.LOCK_SH):
                _lock_until(files, fcntl.LOCK_SH, time.monotonic() + seconds)
            yield
    finally:
        os.sched_setaffinity(0, cores)


def is_alone() -> bool:
    """Whether whoever asks has this process's cores to itself."""
    return _alone.get()


def holder() -> int | None:
    """The process that takes time on one of this process's cores now; None where nobody does."""
    with ExitStack() as stack:
        return next((pid for file in _open(stack) for pid in _registered(file, _HOLDERS)), None)


def is_held_back(process: Process) -> bool:
    """Whether a process is stopped because somebody takes time.

    If whoever stopped it is gone without letting it go on, this does.
    """
    if not process.still:
        return False
    with ExitStack() as stack:
        files = _open(stack)
        if not any(process.pid in _registered(file, _SHARERS) for file in files):
            return False
        if not _try(files, fcntl.LOCK_SH):
            return True
        _signal({process.pid}, signal.SIGCONT)
        return False


def _lock(files: list[int], kind: int, until: float = math.inf) -> None:
    """Lock every core; waiting is not counted towards a work's deadline. Raises Busy when it is `until`."""
    if _try(files, kind):
        return
    with clock.stopped():
        if math.isinf(until):
            for file in files:  # in one order, so that no two wait for each other
                fcntl.flock(file, kind)
        elif not _lock_until(files, kind, until):
            raise Busy("somebody else takes time on this machine")


def _lock_until(files: list[int], kind: int, until: float) -> bool:
    """Lock every core by a time; whether that was done.

    Who waits for a lock cannot be told to stop, and who only looks now and then finds it taken by those who wait. So a
    thread waits, with copies of the descriptors, to which a lock belongs as to the originals; where it is too late, it
    is left behind, and the lock ends with its copies.
    """
    copies = [os.dup(file) for file in files]
    locked, late = threading.Event(), threading.Event()

    def wait() -> None:
        try:
            for copy in copies:  # in the same order
                fcntl.flock(copy, kind)
                if late.is_set():
                    return
            locked.set()
        finally:
            for copy in copies:
                os.close(copy)

    threading.Thread(target=wait, daemon=True).start()
    try:
        return locked.wait(max(0.0, until - time.monotonic()))
    finally:
        late.set()


def _try(files: list[int], kind: int) -> bool:
    """Lock every core if that needs no waiting, else none."""
    try:
        for file in files:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        _unlock(files)
        return False
    return True


def _unlock(files: list[int]) -> None:
    for file in files:
        fcntl.flock(file, fcntl.LOCK_UN)


def _register(file: int, begin: int) -> None:
    """Enter a register of a core, which is left with this very descriptor."""
    fcntl.fcntl(file, fcntl.F_OFD_SETLK, _record(fcntl.F_RDLCK, _namespace() + begin + os.getpid(), 1))


def _registered(file: int, begin: int) -> Iterator[int]:
    """The processes in the register of a core that begins there."""
    begin += _namespace()
    start, end = begin, begin + _HIGHEST_PID
    while start < end:
        request = _record(fcntl.F_WRLCK, start, end - start)
        kind, _, found, _, _ = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_OFD_GETLK, request))
        if kind == fcntl.F_UNLCK:
            return
        yield found - begin
        start = found + 1


def _namespace() -> int:
    """Where the registers of this process's namespace are."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino * 2 * _HIGHEST_PID
    except OSError:
        return 0


def _record(kind: int, start: int, length: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, start, length, 0)


def _signal(pids: set[int], number: signal.Signals) -> None:
    """Signal processes, each with its whole group if it leads one (unless that is also ours)."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) == pid != os.getpgrp():
                os.killpg(pid, number)
            else:
                os.kill(pid, number)


def _await_stopped(pids: set[int]) -> None:
    """Wait until processes stand still, as each does within microseconds; but not for ever, if it is another user's."""
    end = time.monotonic() + _STOP_SECONDS
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            process = Process.of(pid)
            while not process.still and time.monotonic() < end:
                time.sleep(0)


def _open(stack: ExitStack) -> list[int]:
    """A descriptor for each core of this process, since that is what a lock belongs to; `stack` closes them."""
    files: list[int] = []
    for core in sorted(os.sched_getaffinity(0)):
        files.append(os.open(f"{folder()}/core-{core}", os.O_RDONLY | os.O_CLOEXEC))
        stack.callback(os.close, files[-1])
    return files


def folder() -> str:
    """The folder with a file for each core, which every user of this machine may read, and so lock."""
    return _folder(tempfile.gettempdir())


@functools.cache
def _folder(temporary: str) -> str:
    folder = Path(temporary) / "mlopt-device"
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o1777)
    for core in os.sched_getaffinity(0) | set(range(os.cpu_count() or 1)):
        with contextlib.suppress(FileExistsError):
            file = folder / f"core-{core}"
            file.touch(exist_ok=False)
            file.chmod(0o644)
    return str(folder)
