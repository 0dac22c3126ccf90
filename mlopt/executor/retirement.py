"""A work may ask for the end of its process, where it left something behind that would disturb the next one."""

from __future__ import annotations

RETIRED = "retired"
"""What a worker sends before the answer of a work that asked for it."""

_is_due = False


def retire() -> None:
    """Let the process end with this work, and what it started with it. Does nothing outside of a worker."""
    global _is_due
    _is_due = True


def is_due() -> bool:
    """Whether a work has asked for the end of this process."""
    return _is_due
