"""The MLIR context that a process works in."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .bindings import ir, new_context


@functools.cache
def _context() -> Any:
    """One context a process: dialects are loaded once."""
    return new_context()


@contextmanager
def active() -> Iterator[None]:
    """Within it, MLIR is parsed and built in the process's own context."""
    context = _context()
    with context, ir.Location.unknown(context):
        yield
