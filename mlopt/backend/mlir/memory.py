"""Memory that kernels ask for and give back on every call."""

from __future__ import annotations

import ctypes
import functools

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt."""

LARGEST_KEPT, MOST_KEPT = 32 << 20, 256 << 20
"""Bytes of one block (glibc admits no more), and of all that is free."""


@functools.cache
def keep_freed() -> None:
    """Let glibc keep what kernels free for their next call, instead of asking the system for new pages each time.

    For the whole process, once. Other C libraries are left as they are.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
        libc.mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
