"""Object code as a shared library of this process."""

from __future__ import annotations

import ctypes
import string
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PLAIN = frozenset(string.ascii_letters + string.digits + "._-")
"""What stands for itself in a quoted name."""


def caller(entry: str, arguments: int) -> str:
    """LLVM IR that calls a function through its C interface with pointers to its arguments, as execution engines do."""
    loads = "\n".join(
        f"  %place{i} = getelementptr ptr, ptr %arguments, i64 {i}\n"
        f"  %pointer{i} = load ptr, ptr %place{i}\n"
        f"  %argument{i} = load ptr, ptr %pointer{i}"
        for i in range(arguments)
    )
    given = ", ".join(f"ptr %argument{i}" for i in range(arguments))
    return f"""
define void @{_quoted(_name(entry))}(ptr %arguments) {{
{loads}
  call void @{_quoted(f"_mlir_ciface_{entry}")}({given})
  ret void
}}
"""


class SharedObject:
    """A shared library, held as long as this object lives; its file may go once it is open.

    `needs` are the paths of libraries that it was linked with. Raises OSError.
    """

    def __init__(self, path: Path, needs: Sequence[str]) -> None:
        for each in needs:
            ctypes.CDLL(each)  # found by its name from now on, wherever it is
        self.content = path.read_bytes()
        self._library = ctypes.CDLL(str(path))
        weakref.finalize(self, _close, self._library._handle)

    def lookup(self, entry: str) -> Callable[[Any], Any]:
        """The function that `caller` made for an entry point."""
        function = self._library[_name(entry)]
        function.argtypes, function.restype = [ctypes.c_void_p], None
        return function


def _name(entry: str) -> str:
    return f"_mlir_{entry}"


def _quoted(name: str) -> str:
    """A name as LLVM IR takes any: what is no plain character is written as its code."""
    written = (chr(byte) if chr(byte) in PLAIN else f"\\{byte:02X}" for byte in name.encode())
    return f'"{"".join(written)}"'


def _close(handle: int) -> None:
    close = ctypes.CDLL(None).dlclose
    close.argtypes = [ctypes.c_void_p]
    close(handle)
