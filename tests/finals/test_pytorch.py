"""PyTorch's threads stay on cores of their own, whichever OpenMP library it brought."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mlopt.backend.mlir import openmp
from mlopt.core.cores import placement
from mlopt.finals.pytorch import OPENMP

PROGRAM = """
import ctypes, os, sys
from mlopt.finals.pytorch import _pin
ctypes.CDLL(sys.argv[1])
_pin(2)
helpers = {int(task) for task in os.listdir("/proc/self/task")} - {os.getpid()}
print(*(sorted(cores) for cores in map(os.sched_getaffinity, helpers) if len(cores) == 1))
"""


@pytest.mark.skipif(len(placement()) < 2, reason="needs two cores of its own")
def test_the_helpers_of_intels_library_are_pinned_too() -> None:
    command = [sys.executable, "-c", PROGRAM, openmp.library_path()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert str([placement()[1]]) in done.stdout


@pytest.mark.parametrize(
    ("name", "is_openmp"),
    [
        ("libgomp.so.1.0.0", True),
        ("libgomp-a34b3233.so.1", True),
        ("libiomp5.so", True),
        ("libomp.so.5", True),
        ("libomp5.so", True),
        ("libomptarget.so", False),
        ("libiomp5_db.so", False),
        ("libiompstubs5.so", False),
        ("libtorch_cpu.so", False),
    ],
)
def test_an_openmp_library_is_known_by_its_name(name: str, is_openmp: bool) -> None:
    assert bool(OPENMP.match(name)) is is_openmp
