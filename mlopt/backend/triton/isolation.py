"""How well kernels that somebody has rewritten must be confined."""

from __future__ import annotations

import atexit
import functools
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
    _leave_nothing()
    return found


@functools.cache
def _leave_nothing() -> None:
    """When this process ends, which may be the study's, remove what workers that were killed have left."""
    from ...sandbox.host import sweep

    atexit.register(sweep)
