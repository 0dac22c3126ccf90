"""Landlock: a process gives up all files but those it names (landlock(7); Linux 5.13 and newer)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from .system import syscall

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""System calls, of the same numbers on every machine."""
_VERSION = 1
_PATH_BENEATH = 1

_READ = 1 << 0 | 1 << 2 | 1 << 3
"""Execute, read files, list folders."""
_OF_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
"""What a rule on a file, and not on a folder, may speak of."""
_KNOWN = {1: 13, 2: 14, 3: 15, 4: 15}
"""Version to the number of rights on files that it knows; 16 from version 5 on."""
_TCP = 1 << 0 | 1 << 1
_OUTSIDE = 1 << 0 | 1 << 1
"""Abstract sockets and signals of processes outside."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """0 where the system has none."""
    try:
        return syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    except OSError:
        return 0


def restrict(readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """From now on this thread, and all that it starts, may read no files but these, and write no others.

    Nor reach TCP ports or signal processes outside, where the version of Landlock knows of that. Files that are open
    stay open. Paths that are not there are passed over. Needs PR_SET_NO_NEW_PRIVS. Raises OSError.
    """
    found = version()
    every = (1 << _KNOWN.get(found, 16)) - 1
    rules = _Ruleset(every, _TCP if found >= 4 else 0, _OUTSIDE if found >= 6 else 0)
    size = 8 if found < 4 else 16 if found < 6 else 24
    ruleset = syscall(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for paths, rights in ((readable, _READ), (writable, every)):
            for path in paths:
                with contextlib.suppress(FileNotFoundError, PermissionError):
                    _allow(ruleset, path, rights)
        syscall(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        rule = _Beneath(rights if is_folder else rights & _OF_FILES, descriptor)
        syscall(_ADD, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(descriptor)
