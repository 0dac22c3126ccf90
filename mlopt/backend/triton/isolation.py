"""How well kernels that somebody has rewritten must be confined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from ...core.errors import UserError, nearest

Isolation = Literal["required", "available"]


def check(isolation: str) -> None:
    """Raises UserError for what is no `Isolation`."""
    if isolation not in (known := get_args(Isolation)):
        raise UserError(f"backend.isolation={isolation} must be {' or '.join(known)}{nearest(isolation, known)}")


def unprotected(isolation: Isolation) -> Sequence[str]:
    """What rewritten kernels could reach on this system. Raises UserError where that is not wanted."""
    from ...sandbox.confine import lacking

    found = lacking()
    if found and isolation == "required":
        raise UserError(
            f"rewritten kernels cannot be kept from {' and '.join(found)} on this system; "
            "backend.isolation=available runs them all the same"
        )
    return found
