"""A program's machine code, and its size."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import Any

_SECTIONS, _SECTION_SIZE = 40, 58
"""Where an ELF64 header says where the table of sections begins, and the size of an entry and their number."""
_FLAGS, _SIZE = 8, 32
"""Within an entry of that table."""
_EXECUTABLE = 4


def object_code(engine: Any) -> bytes:
    """The ELF object of an execution engine, whose code exists."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.o"
        engine.dump_to_object_file(str(file))
        return file.read_bytes()


def executable_bytes(elf: bytes) -> int:
    """The size of the executable sections of a little-endian ELF64 object (System V ABI, chapter 4)."""
    (start,) = struct.unpack_from("<Q", elf, _SECTIONS)
    size, count = struct.unpack_from("<HH", elf, _SECTION_SIZE)
    total = 0
    for entry in range(start, start + count * size, size):
        (flags,) = struct.unpack_from("<Q", elf, entry + _FLAGS)
        if flags & _EXECUTABLE:
            total += struct.unpack_from("<Q", elf, entry + _SIZE)[0]
    return total
