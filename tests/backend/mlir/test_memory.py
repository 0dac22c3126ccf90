"""Memory that kernels give back stays with the process."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

LARGE_BLOCKS = """
import ctypes
from mlopt.backend.mlir.backend import Mlir
from mlopt.workloads.relu.workload import Relu

class Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd a b c d e".split()]

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.mallinfo2.restype = ctypes.c_void_p, Mallinfo2

def mapped():
    before = libc.mallinfo2().hblks
    libc.malloc(20 << 20)
    return libc.mallinfo2().hblks - before

before = mapped()
Mlir(threads=1).build(Relu(shape=(8,)), None).load()
print(before, mapped())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="the C library is not glibc, or an old one")
def test_where_a_kernel_is_loaded_large_blocks_are_not_mapped_anew_each_time() -> None:
    ran = subprocess.run([sys.executable, "-c", LARGE_BLOCKS], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["1", "0"]
