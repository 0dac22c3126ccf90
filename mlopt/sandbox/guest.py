"""What runs beyond the host: a nursery, which imports, and the confined processes that it forks, one for each sandbox.

The nursery runs nothing but its imports. A confined process gives up what it can do, and then answers requests until
its host hangs up.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from ..core.errors import summary
from ..protocols import Array
from . import message
from .confine import confine, isolate
from .system import prctl

Answer = tuple[dict[str, Any], Sequence[Array]]
"""Plain data and arrays, as `message` packs them."""

LONGEST = 1 << 16
"""Bytes of a request to the nursery."""

_DEATH_SIGNAL = 1


def main(control: int, host: int, modules: Sequence[str]) -> None:
    """Import `modules`, then serve the host, process `host`, at the other end of the socket `control`.

    It sends what `_child` is told, with the descriptors of the child's connection and of its stderr, and gets the
    child's process id; or a process id, and gets how that child ended, which is killed first.
    """
    prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != host:
        return
    nursery = os.getpid()
    with socket.socket(fileno=control) as requests:
        loaded = _loaded(modules)
        gc.freeze()  # no collection in a child need look at what was imported
        while True:
            content, descriptors, *_ = socket.recv_fds(requests, LONGEST, 2)
            if not content:  # the host has hung up
                return
            told = json.loads(content)
            if isinstance(told, int):
                answer = _end(told)
            elif (answer := os.fork()) == 0:
                requests.close()
                connection, said = descriptors
                _child(connection, said, nursery, loaded, **told)
            else:
                with contextlib.suppress(OSError):
                    os.setpgid(answer, answer)  # it does so itself, but perhaps later
            for descriptor in descriptors:
                os.close(descriptor)
            requests.send(str(answer).encode())


def _loaded(modules: Sequence[str]) -> Sequence[ModuleType] | Exception:
    try:
        return [importlib.import_module(name) for name in modules]
    except Exception as error:
        return error


def _end(child: int) -> int:
    """Kill a child and what it has started; how it ended: an exit code, or minus a signal."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _child(
    connection: int,
    said: int,
    nursery: int,
    loaded: Sequence[ModuleType] | Exception,
    folder: str,
    environment: Mapping[str, str],
    memory_bytes: int,
    processes: bool,
) -> NoReturn:
    """Be confined, for good (see `confine`), and serve the host at the other end of `connection`."""
    try:
        os.setpgid(0, 0)
        os.set_inheritable(connection, False)
        os.dup2(said, sys.stderr.fileno())
        os.close(said)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        tempfile.tempdir = None
        isolate()
        prctl(_DEATH_SIGNAL, signal.SIGKILL)  # last, since a change of rights undoes it
        if os.getppid() == nursery:
            _serve(Connection(connection), loaded, lambda: confine(Path(folder), memory_bytes, processes))
    except EOFError:  # the host has hung up
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _serve(connection: Connection, loaded: Sequence[ModuleType] | Exception, confine: Callable[[], None]) -> None:
    """Answer requests, each of a function of a loaded module and its arguments; `failed` where it raises anything."""
    try:
        if isinstance(loaded, Exception):
            raise loaded
        confine()
    except Exception as error:
        connection.send_bytes(message.pack({"failed": summary(error)}))
        return
    connection.send_bytes(message.pack({}))
    while True:
        plain, arrays = message.unpack(connection.recv_bytes())
        function = next(found for module in loaded if (found := getattr(module, plain["function"], None)))
        connection.send_bytes(_answered(function, plain["given"], arrays))


def _answered(function: Callable[[dict[str, Any], Sequence[Array]], Answer], given: Any, arrays: Any) -> bytes:
    try:
        return message.pack(*function(given, arrays))
    except BaseException as error:  # of SystemExit, too: whatever ends what is carried out is an answer
        return message.pack({"failed": summary(error)})
    finally:
        sys.stdout.flush()
