"""Where what took long to find out is kept for the next time."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The user's, by the XDG Base Directory Specification, which passes over a relative `XDG_CACHE_HOME`."""
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "mlopt"
