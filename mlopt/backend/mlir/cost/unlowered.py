"""Operations that stand for loops, of the dialects linalg and affine, which a user's own passes may leave."""

from __future__ import annotations

from typing import Any

from ..bindings import PassManager, ir

_AFFINE = frozenset(
    f"affine.{name}" for name in ("for", "parallel", "if", "load", "store", "vector_load", "vector_store")
)
_TO_LOOPS = "builtin.module(func.func(convert-linalg-to-loops),lower-affine)"


class Unlowered(Exception):
    """There is one; its name."""


def stands_for_loops(name: str) -> bool:
    """Whether the operation of this name does."""
    return name in _AFFINE or name.startswith("linalg.")


def lowered(module: Any) -> Any:
    """A copy of a module on buffers with those loops in their place. Needs an active context."""
    copy = ir.Module.parse(str(module)).operation
    PassManager.parse(_TO_LOOPS).run(copy)
    return copy
