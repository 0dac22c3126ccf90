"""What a model costs, and when it has cost enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from ..settings import limit
from .endpoint import Answer

PRICED_TOKENS = 1e6
"""Tokens that prices are given for."""


@dataclass(frozen=True)
class Limits:
    """What a study may spend on a model; None: as much as it likes. Prices are of a million tokens, in any currency.

    A limit is passed by the call under way at most.
    """

    calls: int | None = None
    tokens: int | None = None
    money: float | None = None
    seconds: float | None = None
    """Spent waiting for answers."""
    input_price: float = 0.0
    output_price: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is not None:
                limit(f"limits.{name}", value, 0)


@dataclass(slots=True)
class Meter:
    """What has been spent so far."""

    limits: Limits
    calls: int = 0
    tokens: int = 0
    money: float = 0.0
    seconds: float = 0.0
    accounted: Mapping[str, float] = field(default_factory=dict)
    """What of it was shared out already, by name."""

    def add(self, answer: Answer | None, seconds: float) -> None:
        """A call that took `seconds`, and came to nothing if there is no answer."""
        self.calls += 1
        self.seconds += seconds
        if answer is not None:
            self.tokens += answer.input_tokens + answer.output_tokens
            self.money += self._money(answer)

    def reached(self) -> str:
        """The first limit that is reached, in words; '' as long as there is none."""
        for name in ("calls", "tokens", "money", "seconds"):
            most, spent = getattr(self.limits, name), getattr(self, name)
            if most is not None and spent >= most:
                return f"search.limits.{name}={most:g} is spent"
        return ""

    def left_seconds(self) -> float:
        """What may still be spent waiting."""
        return float("inf") if self.limits.seconds is None else max(0.0, self.limits.seconds - self.seconds)

    def spent(self) -> Mapping[str, float]:
        """All of it, by name."""
        return {"calls": self.calls, "tokens": self.tokens, "money": self.money, "seconds": self.seconds}

    def shares(self, count: int) -> Mapping[str, float]:
        """What was spent since this was asked last, in so many equal parts."""
        spent = self.spent()
        parts = {name: (amount - self.accounted.get(name, 0.0)) / count for name, amount in spent.items()}
        self.accounted = spent
        return parts

    def _money(self, answer: Answer) -> float:
        limits = self.limits
        priced = answer.input_tokens * limits.input_price + answer.output_tokens * limits.output_price
        return priced / PRICED_TOKENS
