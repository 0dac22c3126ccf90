"""The limits of strategies' settings."""

from __future__ import annotations

from ..core.errors import UserError


def limit(name: str, value: float, least: float, most: float | None = None) -> None:
    """Raise UserError unless `search.NAME=value` lies within its limits, both of them allowed."""
    if not (least <= value and (most is None or value <= most)):
        limits = f"at least {least}" if most is None else f"between {least} and {most}"
        raise UserError(f"search.{name}={value} must be {limits}")
