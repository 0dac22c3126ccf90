"""What a process gives up before it looks at anything that it cannot trust."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..core.processes import data_bytes
from . import landlock, seccomp
from .system import prctl, unshare

FILE_BYTES = 64 << 20
"""Of one file that it writes."""
OPEN_FILES = 256
PROCESSES = 64
"""Where the system counts those of a user namespace by themselves."""

_NO_NEW_PRIVILEGES = 38
_NOT_DUMPABLE = (4, 0)
_NEW_USER, _NEW_IPC, _NEW_NETWORK = 0x10000000, 0x08000000, 0x40000000
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache")
"""Libraries and the compiler's tools."""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")


def lacking() -> Sequence[str]:
    """What cannot be kept from a confined process on this system, in words; nothing where all can be."""
    found = []
    if not landlock.version():
        found.append("files (this kernel has no Landlock)")
    if not seccomp.is_available():
        found.append("networks and other processes (no seccomp for this machine)")
    return found


def isolate() -> None:
    """Leave the network and the rights of this user, where the system lets anybody do so.

    To be called while the process has one thread. It is one wall more, and not relied upon: `confine` refuses the same.
    """
    user, group = os.getuid(), os.getgid()
    with contextlib.suppress(OSError):
        unshare(_NEW_USER | _NEW_IPC | _NEW_NETWORK)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))


def confine(folder: Path, memory_bytes: int, processes: bool) -> None:
    """From now on this process may write below `folder` alone, read that and what Python is made of, and reach nobody.

    `memory_bytes` may be added to what it has; `processes` says whether it may start others, which are as confined.
    Where the system lacks one of the walls (`lacking`), the others stand. Raises OSError where one does not hold.
    """
    if len(os.listdir("/proc/self/task")) > 1:
        raise OSError("threads that run already would not be confined")
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_DATA, data_bytes() + memory_bytes),
    ):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    prctl(_NO_NEW_PRIVILEGES, 1)
    prctl(*_NOT_DUMPABLE)
    if landlock.version():
        landlock.restrict([*map(Path, _SYSTEM), *map(Path, _DEVICES), *_python()], [folder, Path("/dev/null")])
    if seccomp.is_available():
        seccomp.restrict(processes)


def _python() -> Iterator[Path]:
    """The folders of Python's own library, and of the packages that are loaded."""
    yield from (Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
    yield Path(sys.executable)
    for name, module in list(sys.modules.items()):
        if "." not in name:
            folders = list(getattr(module, "__path__", ()))
            yield from map(Path, folders or filter(None, [getattr(module, "__file__", None)]))
