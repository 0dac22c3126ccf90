"""Other processes of this machine, as Linux tells of them in `/proc` (proc(5))."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

_STATE, _PARENT, _GROUP, _BORN = 0, 1, 2, 19
"""Fields of `/proc/PID/stat`, counted from the one after the program's name, which may hold anything."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process, which no later one of the same number is taken for."""

    pid: int
    born: int
    """In clock ticks since the machine's start."""

    @classmethod
    def of(cls, pid: int) -> Process:
        """Raises ProcessLookupError where there is none."""
        return cls(pid, int(_stat(pid)[_BORN]))

    @property
    def still(self) -> bool:
        """Whether it computes nothing: it is stopped, or has ended."""
        try:
            stat = _stat(self.pid)
        except ProcessLookupError:
            return True
        return int(stat[_BORN]) != self.born or stat[_STATE] in ("T", "Z")

    @property
    def resident_bytes(self) -> int:
        """Memory that it holds; 0 once it has ended."""
        try:
            return _memory(self.pid)[1] if Process.of(self.pid) == self else 0
        except ProcessLookupError:
            return 0

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended. Raises PermissionError for another user's."""
        try:
            if Process.of(self.pid) == self:
                os.kill(self.pid, number)
        except ProcessLookupError:
            return


def below(pid: int) -> list[Process]:
    """The children of a process, theirs and so on, ended ones too that nobody has waited for."""
    children = defaultdict(list)
    for folder in os.listdir("/proc"):
        if folder.isdecimal():
            try:
                stat = _stat(int(folder))
            except ProcessLookupError:  # ended since
                continue
            children[int(stat[_PARENT])].append(Process(int(folder), int(stat[_BORN])))
    found = list(children[pid])
    for process in found:  # which grows meanwhile
        found += children[process.pid]
    return found


def above(pid: int) -> Iterator[int]:
    """A process, its parent, and so on, as far as they can be seen."""
    with contextlib.suppress(ProcessLookupError):
        while pid > 0:
            parent = int(_stat(pid)[_PARENT])
            yield pid
            pid = parent


def command(pid: int) -> list[str]:
    """The words that a process was started by; none of one that has ended."""
    try:
        return _read(pid, "cmdline").removesuffix("\0").split("\0")
    except ProcessLookupError:
        return []


def in_group(group: int) -> list[Process]:
    """The processes of a process group that have not ended."""
    found = []
    for folder in filter(str.isdecimal, os.listdir("/proc")):
        try:
            stat = _stat(int(folder))
        except ProcessLookupError:  # ended since
            continue
        if int(stat[_GROUP]) == group and stat[_STATE] != "Z":
            found.append(Process(int(folder), int(stat[_BORN])))
    return found


def data_bytes() -> int:
    """What this process has mapped of private, writable memory, as RLIMIT_DATA counts it, and its stack."""
    return _memory(os.getpid())[5]


def mapped_files() -> list[Path]:
    """Files that are in this process's memory, such as libraries."""
    lines = Path("/proc/self/maps").read_text(errors="surrogateescape").splitlines()
    fields = (line.split(maxsplit=5) for line in lines)
    names = {field[5].removesuffix(" (deleted)") for field in fields if len(field) == 6}
    return sorted(Path(name) for name in names if name.startswith("/"))


def _stat(pid: int) -> list[str]:
    return _read(pid, "stat").rpartition(")")[2].split()


def _memory(pid: int) -> list[int]:
    """Sizes in bytes: all, resident, shared, text, 0, data and stack."""
    return [int(pages) * PAGE_BYTES for pages in _read(pid, "statm").split()]


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="surrogateescape")
    except FileNotFoundError:
        raise ProcessLookupError(f"there is no process {pid}") from None
