"""Arguments of a program that are constants: in which files their values are, and in which memory kernels find them."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np

from ...core.cache import cache_folder
from ...protocols import Array
from .bindings import ir
from .payload.walk import entry

FILE = "mlopt.constant"
"""The attribute of an argument that is a constant: the path of its .npy file."""


def attributes(module: Any) -> list[Any]:
    """Of each argument of a module's first function, a dictionary."""
    function = entry(module)
    if "arg_attrs" not in function.attributes:
        return [ir.DictAttr.get({}) for _ in function.regions[0].blocks[0].arguments]
    return [ir.DictAttr(each) for each in ir.ArrayAttr(function.attributes["arg_attrs"])]


def files(module: Any) -> list[str | None]:
    """For each argument of a module's first function the file that holds its values, None for an input."""
    return [ir.StringAttr(each[FILE]).value if FILE in each else None for each in attributes(module)]


def save(array: Array) -> Path:
    """Keep an array in a file that is named after what it holds."""
    content = hashlib.sha256(f"{array.dtype}{array.shape}".encode())
    content.update(array.tobytes())
    path = cache_folder() / "constants" / f"{content.hexdigest()[:32]}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        with temporary.open("wb") as file:
            np.save(file, array)
        temporary.replace(path)
    return path


@functools.cache
def load(file: str) -> Array:
    """The values in a file, in pages of memory that no kernel can write to."""
    stored = np.load(file)
    memory = mmap.mmap(-1, max(1, stored.nbytes))
    memory.madvise(mmap.MADV_HUGEPAGE)
    array = np.frombuffer(memory, stored.dtype, stored.size).reshape(stored.shape)
    array[...] = stored
    ctypes.CDLL(None).mprotect(ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(len(memory)), mmap.PROT_READ)
    return array
