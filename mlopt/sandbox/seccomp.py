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
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16
"""Where these stand in `struct seccomp_data`; of an argument the low half comes first, on little-endian machines."""
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_UNKNOWN = 463
"""From here on numbers are of calls newer than Linux 6.10, or of x86's 32-bit pointers; nobody has judged these."""
_THREAD = 0x00010000
_NAMESPACES = 0x7E020080
"""Flags of clone(2)."""

_ALIKE = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "pidfd_open": 434, "clone3": 435,
    "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447,
    "process_mrelease": 448,
}  # fmt: skip
_NUMBERS: Mapping[str, tuple[int, Mapping[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "ioctl": 16, "shmget": 29, "shmat": 30, "shmctl": 31, "socket": 41, "socketpair": 53, "clone": 56,
            "fork": 57, "vfork": 58, "execve": 59, "kill": 62, "semget": 64, "semop": 65, "semctl": 66, "shmdt": 67,
            "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71, "fcntl": 72, "ptrace": 101, "syslog": 103,
            "setpgid": 109, "setsid": 112, "rt_sigqueueinfo": 129, "personality": 135, "setpriority": 141,
            "sched_setparam": 142, "sched_setscheduler": 144, "vhangup": 153, "pivot_root": 155, "adjtimex": 159,
            "setrlimit": 160, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166,
            "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172,
            "ioperm": 173, "init_module": 175, "delete_module": 176, "quotactl": 179, "tkill": 200,
            "sched_setaffinity": 203, "semtimedop": 220, "clock_settime": 227, "tgkill": 234, "mq_open": 240,
            "mq_unlink": 241, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "ioprio_set": 251,
            "migrate_pages": 256, "unshare": 272, "move_pages": 279, "rt_tgsigqueueinfo": 297, "perf_event_open": 298,
            "fanotify_init": 300, "prlimit64": 302, "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308,
            "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "sched_setattr": 314,
            "memfd_create": 319, "kexec_file_load": 320, "bpf": 321, "execveat": 322, "userfaultfd": 323, **_ALIKE,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "fcntl": 25, "ioctl": 29, "ioprio_set": 30, "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51,
            "vhangup": 58, "quotactl": 60, "acct": 89, "personality": 92, "unshare": 97, "kexec_load": 104,
            "init_module": 105, "delete_module": 106, "clock_settime": 112, "syslog": 116, "ptrace": 117,
            "sched_setparam": 118, "sched_setscheduler": 119, "sched_setaffinity": 122, "kill": 129, "tkill": 130,
            "tgkill": 131, "rt_sigqueueinfo": 138, "setpriority": 140, "reboot": 142, "setpgid": 154, "setsid": 157,
            "sethostname": 161, "setdomainname": 162, "setrlimit": 164, "settimeofday": 170, "adjtimex": 171,
            "mq_open": 180, "mq_unlink": 181, "msgget": 186, "msgctl": 187, "msgrcv": 188, "msgsnd": 189, "semget": 190,
            "semctl": 191, "semtimedop": 192, "semop": 193, "shmget": 194, "shmctl": 195, "shmat": 196, "shmdt": 197,
            "socket": 198, "socketpair": 199, "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220,
            "execve": 221, "swapon": 224, "swapoff": 225, "migrate_pages": 238, "move_pages": 239,
            "rt_tgsigqueueinfo": 240, "perf_event_open": 241, "prlimit64": 261, "fanotify_init": 262,
            "open_by_handle_at": 265, "clock_adjtime": 266, "setns": 268, "process_vm_readv": 270,
            "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "sched_setattr": 274, "memfd_create": 279,
            "bpf": 280, "execveat": 281, "userfaultfd": 282, "kexec_file_load": 294, **_ALIKE,
        },
    ),
}  # fmt: skip
"""A machine's name to its number in filters, and the numbers of calls that are refused there, some only in part."""

_PROCESSES = ("fork", "vfork", "execve", "execveat")
_PARTLY = ("clone", "clone3", "fcntl", "ioctl", "prlimit64")

_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_FIOSETOWN, _SIOCSPGRP = 0x8901, 0x8902
_OWNING = {"fcntl": (_F_SETOWN, _F_SETSIG, _F_SETOWN_EX), "ioctl": (_FIOSETOWN, _SIOCSPGRP)}
"""Second arguments that choose who is sent a signal when a file is ready, which may be any process, and any signal."""


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
    program = b"".join(_program(*_NUMBERS[os.uname().machine], processes))
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    filter_ = ctypes.create_string_buffer(head, len(head))
    prctl(_SET_SECCOMP, _FILTER, ctypes.addressof(filter_))


def _program(machine: int, calls: Mapping[str, int], processes: bool) -> Iterator[bytes]:
    """The filter's instructions, in order."""
    refused = [call for name, call in calls.items() if name not in (*_PROCESSES, *_PARTLY)]
    if not processes:
        refused += [calls[name] for name in _PROCESSES if name in calls]
    yield _instruction(_LOAD, _MACHINE)
    yield _instruction(_JUMP_EQUAL, machine, then=1)
    yield _instruction(_RETURN, _KILL)
    yield _instruction(_LOAD, _NUMBER)
    yield from _refused(_JUMP_AT_LEAST, _UNKNOWN, errno.ENOSYS)
    for call in refused:
        yield from _refused(_JUMP_EQUAL, call)
    # Its flags are in memory, where a filter cannot look; libraries take `clone` where it is not there.
    yield from _refused(_JUMP_EQUAL, calls["clone3"], errno.ENOSYS)
    flags = [*_refused(_JUMP_ANY_BIT, _NAMESPACES), *([] if processes else _required(_JUMP_ANY_BIT, _THREAD))]
    yield from _judged(calls["clone"], [_argument(0), *flags])
    for name, values in _OWNING.items():
        yield from _judged(calls[name], [_argument(1), *(each for v in values for each in _refused(_JUMP_EQUAL, v))])
    # Limits may be read, of this process, where there is no address of new ones.
    parts = (_argument(0), _argument(2), _argument(2, half=4))
    yield from _judged(calls["prlimit64"], [each for part in parts for each in (part, *_required(_JUMP_EQUAL, 0))])
    yield _instruction(_RETURN, _ALLOW)


def _judged(call: int, rules: Sequence[bytes]) -> Iterator[bytes]:
    """Of one call by its arguments: allowed, where no rule refuses it."""
    yield _instruction(_JUMP_EQUAL, call, otherwise=len(rules) + 1)
    yield from rules
    yield _instruction(_RETURN, _ALLOW)


def _refused(jump: int, value: int, error: int = errno.EPERM) -> Iterator[bytes]:
    """Refuse the call where what was loaded is `value`, or whatever else the jump asks."""
    yield _instruction(jump, value, otherwise=1)
    yield _instruction(_RETURN, _ERROR | error)


def _required(jump: int, value: int) -> Iterator[bytes]:
    """Refuse it where that is not so."""
    yield _instruction(jump, value, then=1)
    yield _instruction(_RETURN, _ERROR | errno.EPERM)


def _argument(number: int, half: int = 0) -> bytes:
    """Load the low half of an argument, or, by 4, the high one."""
    return _instruction(_LOAD, _ARGUMENTS + 8 * number + half)


def _instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    """`then` and `otherwise` say how many instructions a jump leaves out."""
    return struct.pack("HBBI", code, then, otherwise, value)
