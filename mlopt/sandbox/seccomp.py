"""seccomp: a process gives up system calls (seccomp(2)): those that reach other processes, networks, the kernel itself.

The filter is a program of the classic Berkeley packet filter, which reads the call's number and arguments.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator, Mapping, Sequence

from .system import prctl

_SET_SECCOMP, _GET_SECCOMP = 22, 21
_FILTER = 2
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16
"""Where these stand in `struct seccomp_data`; of an argument the low half, on little-endian machines."""
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_OTHER_ABI = 0x40000000
"""From here on numbers are those of x86's 32-bit pointers, which no rule below speaks of."""
_THREAD = 0x00010000
_NAMESPACES = 0x7E020080
"""Flags of clone(2)."""

_ALIKE = {"pidfd_send_signal": 424, "io_uring_setup": 425, "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438}
_NUMBERS: Mapping[str, tuple[int, Mapping[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "socket": 41, "socketpair": 53, "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "kill": 62,
            "ptrace": 101, "setpgid": 109, "setsid": 112, "pivot_root": 155, "adjtimex": 159, "setrlimit": 160,
            "chroot": 161, "settimeofday": 164, "mount": 165, "umount2": 166, "init_module": 175,
            "delete_module": 176, "tkill": 200, "clock_settime": 227, "tgkill": 234, "kexec_load": 246,
            "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298,
            "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311,
            "finit_module": 313, "memfd_create": 319, "bpf": 321, "execveat": 322, "userfaultfd": 323, **_ALIKE,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "unshare": 97, "kexec_load": 104,
            "init_module": 105, "delete_module": 106, "clock_settime": 112, "ptrace": 117, "kill": 129, "tkill": 130,
            "tgkill": 131, "setpgid": 154, "setsid": 157, "setrlimit": 164, "settimeofday": 170, "adjtimex": 171,
            "socket": 198, "socketpair": 199, "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220,
            "execve": 221, "perf_event_open": 241, "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270,
            "process_vm_writev": 271, "finit_module": 273, "memfd_create": 279, "bpf": 280, "execveat": 281,
            "userfaultfd": 282, **_ALIKE,
        },
    ),
}  # fmt: skip
"""A machine's name to its number in filters, and the numbers of calls that are refused there."""

_PROCESSES = ("fork", "vfork", "execve", "execveat")
_ALLOWED_PARTLY = ("clone", "clone3")


def is_available() -> bool:
    """Whether this system knows of filters, and we know this machine's calls."""
    try:
        prctl(_GET_SECCOMP)
    except OSError:
        return False
    return os.uname().machine in _NUMBERS


def restrict(processes: bool) -> None:
    """From now on this thread, and all that it starts, may not do what is listed above; other processes may be started
    where `processes` are allowed, threads anyhow. Needs PR_SET_NO_NEW_PRIVS. Raises OSError.
    """
    machine, calls = _NUMBERS[os.uname().machine]
    refused = [call for name, call in calls.items() if name not in (*_PROCESSES, *_ALLOWED_PARTLY)]
    if not processes:
        refused += [calls[name] for name in _PROCESSES if name in calls]
    program = b"".join(_program(machine, refused, calls["clone"], calls["clone3"], processes))
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    filter_ = ctypes.create_string_buffer(head, len(head))
    prctl(_SET_SECCOMP, _FILTER, ctypes.addressof(filter_))


def _program(machine: int, refused: Sequence[int], clone: int, clone3: int, processes: bool) -> Iterator[bytes]:
    """The filter's instructions, in order."""
    no = _ERROR | errno.EPERM
    yield _instruction(_LOAD, _MACHINE)
    yield _instruction(_JUMP_EQUAL, machine, then=1)
    yield _instruction(_RETURN, _KILL)
    yield _instruction(_LOAD, _NUMBER)
    yield _instruction(_JUMP_AT_LEAST, _OTHER_ABI, otherwise=1)
    yield _instruction(_RETURN, no)
    for call in refused:
        yield _instruction(_JUMP_EQUAL, call, otherwise=1)
        yield _instruction(_RETURN, no)
    # Its flags are in memory, where a filter cannot look; libraries take `clone` where it is not there.
    yield _instruction(_JUMP_EQUAL, clone3, otherwise=1)
    yield _instruction(_RETURN, _ERROR | errno.ENOSYS)
    yield _instruction(_JUMP_EQUAL, clone, then=1)
    yield _instruction(_RETURN, _ALLOW)
    yield _instruction(_LOAD, _FIRST_ARGUMENT)
    yield _instruction(_JUMP_ANY_BIT, _NAMESPACES, otherwise=1)
    yield _instruction(_RETURN, no)
    if not processes:
        yield _instruction(_JUMP_ANY_BIT, _THREAD, then=1)
        yield _instruction(_RETURN, no)
    yield _instruction(_RETURN, _ALLOW)


def _instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    """`then` and `otherwise` say how many instructions a jump leaves out."""
    return struct.pack("HBBI", code, then, otherwise, value)
