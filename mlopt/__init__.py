"""mlopt finds the fastest way to compile a kernel, and proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .python import Kernel, Tuned, load, tune

__version__ = "0.1.0"
__all__ = ["Kernel", "Tuned", "__version__", "load", "tune"]


def __getattr__(name: str) -> Any:
    """The parts for Python, imported when they are used, so that `mlopt --help` answers at once."""
    if name in ("Kernel", "Tuned", "load", "tune"):
        from . import python

        return getattr(python, name)
    raise AttributeError(f"module 'mlopt' has no attribute '{name}'")
