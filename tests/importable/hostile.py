"""What a program that nobody has looked at might try; each function is carried out in a sandbox."""

from __future__ import annotations

import glob
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlopt.protocols import Array

Answer = tuple[dict[str, Any], Sequence[Array]]


def environment(given: Any, arrays: Any) -> Answer:
    """All variables that it finds, of its own process and of every other one."""
    found = dict(os.environ)
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            found[path] = Path(path).read_bytes().decode(errors="replace")
        except OSError:
            continue
    return {"found": found}, ()


def reads(given: Any, arrays: Any) -> Answer:
    """The file at `path`."""
    return {"found": Path(given["path"]).read_text()}, ()


def lists(given: Any, arrays: Any) -> Answer:
    return {"found": os.listdir(given["path"])}, ()


def writes(given: Any, arrays: Any) -> Answer:
    """A file at `path`, or in its own folder."""
    Path(given.get("path", "note")).write_text("was here")
    return {}, ()


def links(given: Any, arrays: Any) -> Answer:
    """Reads the file at `path` by way of a link in its own folder."""
    os.symlink(given["path"], "link")
    return reads({"path": "link"}, arrays)


def removes(given: Any, arrays: Any) -> Answer:
    os.unlink(given["path"])
    return {}, ()


def connects(given: Any, arrays: Any) -> Answer:
    socket.create_connection(("127.0.0.1", given["port"]), 2).sendall(b"secret")
    return {}, ()


def opens(given: Any, arrays: Any) -> Answer:
    """A socket of a `family`."""
    socket.socket(getattr(socket, given["family"]), socket.SOCK_DGRAM)
    return {}, ()


def forks(given: Any, arrays: Any) -> Answer:
    if os.fork() == 0:
        os._exit(0)
    return {}, ()


def multiplies(given: Any, arrays: Any) -> Answer:
    """Forks without end, in sessions of their own."""
    while True:
        os.fork()
        try:
            os.setsid()
        except OSError:
            continue


def runs(given: Any, arrays: Any) -> Answer:
    return {"found": subprocess.run(["/bin/echo", "ran"], capture_output=True, text=True, check=True).stdout}, ()


def signals(given: Any, arrays: Any) -> Answer:
    os.kill(given["pid"], signal.SIGTERM)
    return {}, ()


def exits(given: Any, arrays: Any) -> Answer:
    os._exit(0)


def leaves(given: Any, arrays: Any) -> Answer:
    sys.exit("gone")


def shouts(given: Any, arrays: Any) -> Answer:
    """Says much, in what a terminal would take for commands."""
    raise ValueError("\x1b[2J\n" * 1000)


def crashes(given: Any, arrays: Any) -> Answer:
    import ctypes

    ctypes.string_at(0)
    return {}, ()


def sleeps(given: Any, arrays: Any) -> Answer:
    while True:
        time.sleep(0.1)


def hoards(given: Any, arrays: Any) -> Answer:
    held = []
    while True:
        held.append(bytearray(256 << 20))


def fills(given: Any, arrays: Any) -> Answer:
    """Writes one file without end."""
    with open("large", "wb") as file:
        while True:
            file.write(bytes(1 << 24))


def forges(given: Any, arrays: Any) -> Answer:
    """Answers by whatever is open, with what is a pickle that runs a command, and what is no message."""
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, (22).to_bytes(4, "big") + b"cos\nsystem\n(S'id'\ntR.\n\n")
        except OSError:
            continue
    return {}, ()


def adds(given: Any, arrays: Any) -> Answer:
    return {"sum": given["a"] + given["b"]}, [array + 1 for array in arrays]


def patches(given: Any, arrays: Any) -> Answer:
    """Makes clocks stand still, here."""
    fake: Callable[[], float] = lambda: 0.0  # noqa: E731
    time.perf_counter = time.monotonic = time.time = fake
    return {"found": time.perf_counter()}, ()


def clock(given: Any, arrays: Any) -> Answer:
    """What it is here."""
    return {"found": time.perf_counter()}, ()


def calls(given: Any, arrays: Any) -> Answer:
    """The error of a system call, by its number and arguments; 0 where it succeeds."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.syscall(*map(ctypes.c_long, given["numbers"])) < 0
    return {"error": ctypes.get_errno() if failed else 0}, ()
