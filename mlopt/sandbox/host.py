"""A confined process as whoever trusts it with nothing sees it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

from ..core import processes
from ..core.errors import printable
from ..core.trial import Failed, Status
from ..protocols import Array
from . import message
from .nursery import Nursery

MEMORY_BYTES = 4 << 30
"""That it may take beyond what it is made of."""
FOLDER_BYTES = 1 << 30
"""Of all that it writes."""
MOST_PROCESSES = 16
LARGEST = 1 << 30
"""Bytes of an answer."""

_POLL_SECONDS = 0.1
_END_SECONDS = 5.0
"""That processes which were killed may take to be gone."""
_STDERR_BYTES = 4096
_OUT_OF_MEMORY = re.compile("MemoryError|bad_alloc|out of memory|cannot allocate memory", re.IGNORECASE)


class Refused(Exception):
    """What was carried out there raised this."""


class Sandbox:
    """A confined process, forked from a nursery, that gives up all but computing; a context manager.

    It has a folder of its own that ends with it, no network, no files beside that and Python's own, and limits of
    memory, of bytes written and of processes. It is told what to do by messages, and its answers are read without
    trust. Whoever asks sees to the time that it may take: the process ends with the one that made it.
    """

    def __init__(self, nursery: Nursery, may_start_processes: bool) -> None:
        sweep()
        own = processes.Process.of(os.getpid())
        prefix = f"{_prefix()}{own.pid}-{own.born}-"
        self._nursery = nursery
        self._folder = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with all else
        self._connection, theirs = Pipe()
        with theirs:
            descriptors, folder = (theirs.fileno(), self._said.fileno()), self._folder.name
            self._process = nursery.fork(*descriptors, folder, MEMORY_BYTES, may_start_processes)
        self._code: int | None = None
        """How it ended."""
        self._ready = False

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()
        self._connection.close()
        self._said.close()
        self._folder.cleanup()

    def ask(
        self, function: str, given: Mapping[str, Any], arrays: Sequence[Array] = ()
    ) -> tuple[dict[str, Any], list[Array]]:
        """What `function` of one of the modules makes of plain data and arrays: plain data and arrays.

        Raises Refused for what it raised, and Failed where the process died, or passed a limit.
        """
        if not self._ready:
            self._answer()
            self._ready = True
        try:
            self._connection.send_bytes(message.pack({"function": function, "given": given}, arrays))
        except OSError:
            raise self._loss() from None
        return self._answer()

    def _answer(self) -> tuple[dict[str, Any], list[Array]]:
        try:
            while not self._connection.poll(_POLL_SECONDS):
                self._check_limits()
            plain, arrays = message.unpack(self._connection.recv_bytes(LARGEST))
        except (EOFError, OSError):
            raise self._loss() from None
        except message.NoMessage as error:
            raise Failed(Status.CRASH, f"the sandbox's answer cannot be read: {error}") from None
        if "failed" in plain:
            words = readable(plain["failed"])
            if _OUT_OF_MEMORY.search(words):
                raise Failed(Status.OUT_OF_MEMORY, words)
            raise Refused(words)
        return plain, arrays

    def _end(self) -> int:
        """Kill the process and all that it started, none of which can leave its group; how it ended."""
        if self._code is None:
            self._code = self._nursery.end(self._process)
            end = time.monotonic() + _END_SECONDS
            while processes.in_group(self._process) and time.monotonic() < end:
                time.sleep(0.001)
        return self._code

    def _check_limits(self) -> None:
        """Raise Failed where more is used than a single process can be limited to."""
        alive = processes.in_group(self._process)
        if len(alive) > MOST_PROCESSES:
            raise Failed(Status.CRASH, f"{len(alive)} processes in the sandbox")
        if sum(process.resident_bytes for process in alive) > 2 * MEMORY_BYTES:
            raise Failed(Status.OUT_OF_MEMORY, f"the sandbox holds more than {2 * MEMORY_BYTES >> 20} MiB")
        if _size(Path(self._folder.name)) > FOLDER_BYTES:
            raise Failed(Status.CRASH, f"the sandbox has written more than {FOLDER_BYTES >> 20} MiB")
        if not alive:
            raise EOFError

    def _loss(self) -> Failed:
        """How the process ended, which it has, or is about to."""
        code = self._end()
        end = self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, end - _STDERR_BYTES))
        lines = self._said.read(_STDERR_BYTES).decode(errors="replace").split("\n")
        words = readable(" / ".join(line.strip() for line in lines if line.strip())[-300:])
        status = Status.OUT_OF_MEMORY if _OUT_OF_MEMORY.search(words) else Status.CRASH
        manner = f"exited with code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
        return Failed(status, f"the sandbox {manner}{': ' if words else ''}{words}")


def readable(said: object) -> str:
    """What was said by whoever is not trusted, as one line that is safe to show."""
    return printable(" ".join(str(said)[:1000].split()))


def _prefix() -> str:
    """How the folders' names begin; it tells containers apart that share a folder, and see other processes."""
    return f"mlopt-sandbox-{os.stat('/proc/self/ns/pid').st_ino}-"


def sweep() -> None:
    """Remove the folders of sandboxes whose hosts were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix()}*"):
        pid, born, *_ = [*folder.name.removeprefix(_prefix()).split("-"), ""]
        if pid.isdecimal() and born.isdecimal() and not processes.Process(int(pid), int(born)).resident_bytes:
            shutil.rmtree(folder, ignore_errors=True)


def _size(folder: Path) -> int:
    """Bytes of all files below; what vanishes meanwhile counts nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total
