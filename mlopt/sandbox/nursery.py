"""The process that sandboxes are forked from, as its host sees it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.trial import Failed, Status

_NOWHERE = "/nonexistent"
"""The folder of a process that has none."""


class Nursery:
    """Imports `modules` once, and is then forked for each sandbox: a fresh process that need not import them again.

    It has the environment variables `environment` and no others, in which `{folder}` stands for a sandbox's own folder.
    It runs nothing but its imports, ends with the process that made it, and is replaced should it end before. A context
    manager.
    """

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        self._modules = tuple(modules)
        self._environment = {"HOME": "{folder}", "TMPDIR": "{folder}", "OMP_NUM_THREADS": "1", **environment}
        self._begin()

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, and all sandboxes with it."""
        self._requests.close()
        self._process.kill()
        self._process.wait()

    def fork(self, connection: int, said: int, folder: str, memory_bytes: int, processes: bool) -> int:
        """A process with these descriptors as its connection and stderr, confined to `folder` (see `confine`): its id.

        Raises Failed.
        """
        if self._process.poll() is not None:
            self.close()
            self._begin()
        environment = self._variables(folder)
        told = {"folder": folder, "environment": environment, "memory_bytes": memory_bytes, "processes": processes}
        return self._answer(told, [connection, said])

    def end(self, process: int) -> int:
        """Kill one that it has forked; how that ended: an exit code, or minus a signal."""
        try:
            return self._answer(process, [])
        except Failed:  # then it has ended with this one
            return -signal.SIGKILL

    def _begin(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = [os.path.abspath(entry) for entry in sys.path]
        given = (theirs.fileno(), os.getpid(), self._modules)
        program = f"import sys; sys.path[:] = {path}; from mlopt.sandbox.guest import main; main(*{given})"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd="/",
                env=self._variables(_NOWHERE),
                start_new_session=True,
            )

    def _variables(self, folder: str) -> dict[str, str]:
        return {name: value.replace("{folder}", folder) for name, value in self._environment.items()}

    def _answer(self, told: Any, descriptors: Sequence[int]) -> int:
        """Raises Failed where there is none any more."""
        try:
            socket.send_fds(self._requests, [json.dumps(told).encode()], descriptors)
            answer = self._requests.recv(32)
        except OSError:
            answer = b""
        if not answer:
            raise Failed(Status.CRASH, "the process that sandboxes are forked from has ended")
        return int(answer)
