"""The processes of a worker, as its driver holds them: a nursery, and the child that was forked from it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe

from ..core.processes import Process

_KILL_SECONDS = 5.0
_STDERR_BYTES = 4096
_STDERR_LINES = 3
_PIPE_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Child:
    """The process that works, and the connection for works and answers."""

    process: Process
    connection: Connection

    def idle(self) -> bool:
        """Whether it is alive and waits for work."""
        return not self.connection.poll() and self.process.resident_bytes > 0


class Nursery:
    """The process that imports and forks (`nursery.py`), the connection to it, and the end of what is said below it."""

    def __init__(
        self, preload: tuple[str, ...], memory_bytes: int | None, environment: Mapping[str, str] | None
    ) -> None:
        self.imported = False
        self.control, theirs = Pipe()
        self.stderr_fd, write_fd = os.pipe()
        os.set_blocking(self.stderr_fd, False)
        self._stderr = b""
        path = [os.path.abspath(entry) for entry in sys.path]
        program = (
            f"import sys; sys.path[:] = {path}; from mlopt.executor.nursery import main; "
            f"main({theirs.fileno()}, {preload}, {memory_bytes})"
        )
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=write_fd,
                pass_fds=[theirs.fileno()],
                env=environment,
                start_new_session=True,
            )
        finally:
            theirs.close()
            os.close(write_fd)

    def end_child(self) -> int | None:
        """Kill the child and all below it; how it ended, None when that cannot be learnt."""
        try:
            self.control.send(None)
            code: int | None = self.control.recv() if self.control.poll(_KILL_SECONDS) else None
        except (EOFError, OSError):
            code = None
        self.read_stderr()
        return code

    def quit(self) -> int:
        """End this process and all below it; how it ended."""
        self.control.close()
        try:
            code = self.process.wait(_KILL_SECONDS if self.imported else 0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.read_stderr()
        os.close(self.stderr_fd)
        return code

    def read_stderr(self) -> None:
        """Take what has been written, at most a pipe's capacity, and keep its end."""
        with contextlib.suppress(BlockingIOError):
            self._stderr = (self._stderr + os.read(self.stderr_fd, _PIPE_BYTES))[-_STDERR_BYTES:]

    def forget_stderr(self) -> None:
        """Drop what has been written so far."""
        self.read_stderr()
        self._stderr = b""

    def last_words(self) -> str:
        """The last lines written, as one."""
        lines = [line.strip() for line in self._stderr.decode(errors="replace").splitlines()]
        return " / ".join([line for line in lines if line][-_STDERR_LINES:])


def manner(code: int) -> str:
    """How a process ended, in words: `code` is its exit code, or minus the signal that killed it."""
    if code >= 0:
        return f"exited with code {code}"
    return next((f"killed by {name.name}" for name in signal.Signals if name == -code), f"killed by signal {-code}")
