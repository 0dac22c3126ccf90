"""Targets described in YAML, as the backends' own dataclasses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from ..core import plain
from ..core.errors import UserError

T = TypeVar("T")


def _positive(number: float) -> str:
    return "" if number > 0 and math.isfinite(number) else "should be finite and greater than 0"


Count = Annotated[int, _positive]
Figure = Annotated[float, _positive]


def read(kind: type[T], description: Mapping[str, Any]) -> T:
    """A target of a kind from plain data. Raises UserError, in a line, for what does not describe one."""
    try:
        found: T = plain.read(kind, description)
        return found
    except plain.Misfit as fault:
        raise UserError(f"target.{'.'.join(map(str, fault.place))}: {fault}") from None
