"""The OpenMP runtime that parallel kernels call, found and controlled without environment variables."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

from ...core.cores import pin_helpers, placement
from ...core.errors import UserError

SPIN_MILLISECONDS = 200
"""How long threads wait actively for the next parallel region while kernels are timed: the runtime's own default."""


@functools.cache
def library_path() -> str:
    """Path of libiomp5 (PyPI's intel-openmp) or LLVM's libomp. Raises UserError when neither is installed."""
    for path in _candidates():
        if path.is_file():
            return str(path)
    raise UserError(
        "no OpenMP runtime is installed, which kernels need for more than one thread: "
        "pip install intel-openmp, or install LLVM's libomp, or set backend.threads=1"
    )


def use_threads(count: int) -> None:
    """Let the kernels that this process calls from now on run on `count` threads, spinning between calls.

    The helper threads stay on cores of their own; the caller, which does other things too, is pinned by who takes time.
    """
    runtime = _runtime()
    runtime.omp_set_dynamic(0)
    runtime.omp_set_num_threads(count)
    runtime.kmp_set_blocktime(SPIN_MILLISECONDS)
    _pin(placement()[:count])


def rest() -> None:
    """Put the helper threads to sleep, now and after every parallel region, until `use_threads` is called again."""
    runtime = _runtime()
    runtime.kmp_set_blocktime(0)
    # Threads that wait heed it from the next region on: one that does next to nothing.
    runtime.GOMP_parallel(runtime.omp_get_thread_num, None, 0, 0)


@functools.cache  # the threads live as long as the process
def _pin(cores: tuple[int, ...]) -> None:
    pin_helpers(_runtime(), cores)


@functools.cache
def _runtime() -> ctypes.CDLL:
    return ctypes.CDLL(library_path())


def _candidates() -> Iterator[Path]:
    for name in ("libiomp5.so", "libomp.so"):
        yield Path(sys.prefix) / "lib" / name
    for name in ("iomp5", "omp5", "omp"):
        found = ctypes.util.find_library(name)
        if found:
            for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/local/lib"):
                yield Path(folder) / found
