"""Loops and accesses of MLIR's affine dialect, which a user's own passes may leave, in the words of other dialects."""

from __future__ import annotations

from typing import Any

from ..bindings import PassManager, ir

NAMES = frozenset(
    f"affine.{name}" for name in ("for", "parallel", "if", "load", "store", "vector_load", "vector_store")
)


class AffineLoops(Exception):
    """There are some."""


def lowered(module: Any) -> Any:
    """A copy of a module without them. Needs an active context."""
    copy = ir.Module.parse(str(module)).operation
    PassManager.parse("builtin.module(lower-affine)").run(copy)
    return copy
