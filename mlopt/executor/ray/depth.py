"""How many works are worth having in line, so that slots do not stand idle while an answer and its successor travel."""

from __future__ import annotations

IDLE_SHARE = 0.04
"""Of a slot's time, what it may wait."""
MORE, LESS = 0.5, 0.05
"""Works in line, more or less, for each work whose slot had to wait for too long, or had not."""


class Depth:
    """Rises while slots wait for works that are short, and falls again: a search knows less of what is asked early."""

    def __init__(self) -> None:
        self._works = 0.0

    def note(self, idle: float, busy: float, slots: int) -> None:
        """A slot, one of `slots`, has waited `idle` seconds for a work that took `busy` seconds."""
        waits = idle > IDLE_SHARE * (idle + busy)
        self._works = min(max(self._works + (MORE if waits else -LESS), 0.0), float(slots))

    @property
    def works(self) -> int:
        """In line, beside those that run: at most one for each slot."""
        return int(self._works)
