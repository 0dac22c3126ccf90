"""What a study has spent of its budget."""

from __future__ import annotations

import math
import time

from .protocols import Budget, Search, SpendingSearch


class Spending:
    """Counts seconds from when it is made, and what the search says that it has paid for.

    `seconds` and `money` are what the study had spent before, if it is gone on with.
    """

    def __init__(self, budget: Budget, search: Search, seconds: float = 0.0, money: float = 0.0) -> None:
        self._budget = budget
        self._search = search
        self._start = time.monotonic() - seconds
        self._money = money

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    @property
    def money(self) -> float:
        return self._money + (self._search.spent if isinstance(self._search, SpendingSearch) else 0.0)

    @property
    def seconds_left(self) -> float:
        """Until the budget's seconds are over, 0 once they are; infinite where they have no limit."""
        return math.inf if self._budget.seconds is None else max(0.0, self._budget.seconds - self.seconds)

    @property
    def broke(self) -> bool:
        """Whether the budget's money is spent."""
        return self._budget.money is not None and self.money >= self._budget.money
