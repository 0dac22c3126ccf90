"""The confined process: it gets ready, gives up what it can do, and answers requests until its host hangs up."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..core.errors import summary
from ..protocols import Array
from . import message
from .confine import confine, isolate
from .system import prctl

Answer = tuple[dict[str, Any], Sequence[Array]]
"""Plain data and arrays, as `message` packs them."""

_DEATH_SIGNAL = 1


def main(descriptor: int, host: int, modules: Sequence[str], folder: str, memory_bytes: int, processes: bool) -> None:
    """Serve the host, process `host`, at the other end of `descriptor`; see `confine` for the rest.

    A request names a function of one of `modules` and has its arguments; it is answered with `failed` where the
    function raises anything.
    """
    prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != host:
        return
    isolate()
    prctl(_DEATH_SIGNAL, signal.SIGKILL)  # which a change of rights has undone
    connection = Connection(descriptor)
    try:
        loaded = [importlib.import_module(name) for name in modules]
        confine(Path(folder), memory_bytes, processes)
    except Exception as error:
        connection.send_bytes(message.pack({"failed": summary(error)}))
        return
    connection.send_bytes(message.pack({}))
    while True:
        try:
            plain, arrays = message.unpack(connection.recv_bytes())
        except EOFError:
            return
        function = next(found for module in loaded if (found := getattr(module, plain["function"], None)))
        connection.send_bytes(_answered(function, plain["given"], arrays))


def _answered(function: Callable[[dict[str, Any], Sequence[Array]], Answer], given: Any, arrays: Any) -> bytes:
    try:
        return message.pack(*function(given, arrays))
    except BaseException as error:  # of SystemExit, too: whatever ends what is carried out is an answer
        return message.pack({"failed": summary(error)})
    finally:
        sys.stdout.flush()
