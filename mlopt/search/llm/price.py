"""What a model costs, and when it has cost enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from ...core.errors import UserError
from ..settings import limit
from .model import Usage

PRICED_TOKENS = 1e6
"""Tokens that prices are given for."""


@dataclass(frozen=True)
class Limits:
    """What a study may spend on a model; None: as much as it likes. Prices are of a million tokens, in any currency.

    A limit is passed by the request under way at most. Raises UserError for a limit of money where nothing has a price.
    """

    calls: int | None = None
    """Requests, those that fail among them."""
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
        if self.money is not None:
            self.check_prices(f"search.limits.money={self.money}")

    def check_prices(self, limited: str) -> None:
        """Raise UserError where nothing has a price, so that the limit of money, `limited`, would limit nothing."""
        if not self.input_price and not self.output_price:
            raise UserError(f"{limited} needs prices: give search.limits.input_price and search.limits.output_price")


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

    def add(self, usage: Usage, seconds: float) -> None:
        """What a call took, whatever came of it."""
        self.calls += usage.requests
        self.tokens += usage.input_tokens + usage.output_tokens
        self.money += self._money(usage)
        self.seconds += seconds

    def reached(self, further: Usage = Usage()) -> str:  # noqa: B008 - immutable
        """The first limit that is reached, with `further` usage that was not added yet, in words; '' without one."""
        spent = {
            "calls": self.calls + further.requests,
            "tokens": self.tokens + further.input_tokens + further.output_tokens,
            "money": self.money + self._money(further),
            "seconds": self.seconds,
        }
        for name, amount in spent.items():
            most = getattr(self.limits, name)
            if most is not None and amount >= most:
                return f"search.limits.{name}={most:g} is spent"
        return ""

    def left_seconds(self) -> float:
        """What may still be spent waiting."""
        return float("inf") if self.limits.seconds is None else max(0.0, self.limits.seconds - self.seconds)

    def left_tokens(self, sent: int) -> int | None:
        """How long an answer may be, in tokens, to a prompt of so many; None where nothing limits it, 1 at least."""
        limits, left = self.limits, []
        if limits.tokens is not None:
            left.append(limits.tokens - self.tokens - sent)
        if limits.money is not None and limits.output_price:
            money = limits.money - self.money - self._money(Usage(input_tokens=sent))
            left.append(int(money * PRICED_TOKENS / limits.output_price))
        return max(1, min(left)) if left else None

    def spent(self) -> Mapping[str, float]:
        """All of it, by name."""
        return {"calls": self.calls, "tokens": self.tokens, "money": self.money, "seconds": self.seconds}

    def shares(self, count: int) -> Mapping[str, float]:
        """What was spent since this was asked last, in so many equal parts."""
        spent = self.spent()
        parts = {name: (amount - self.accounted.get(name, 0.0)) / count for name, amount in spent.items()}
        self.accounted = spent
        return parts

    def _money(self, usage: Usage) -> float:
        limits = self.limits
        priced = usage.input_tokens * limits.input_price + usage.output_tokens * limits.output_price
        return priced / PRICED_TOKENS
