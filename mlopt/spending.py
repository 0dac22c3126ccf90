"""What a study has spent of its budget."""

from __future__ import annotations

import math
import time

from .protocols import Budget, Search, SpendingSearch

FINALS_SHARE, FINALS_SECONDS = 0.25, 90.0
SHORT_FINALS_SHARE, SHORT_FINALS_SECONDS = 0.5, 10.0
"""What is kept of `budget.seconds` for the finals: a share of them, but no more than so many seconds. Of a small budget
a larger one, since it takes seconds for all to get ready."""


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
    def seconds_left_to_search(self) -> float:
        """The same where finals follow, for which some of the budget's seconds are kept; negative once it is late."""
        if self._budget.seconds is None:
            return math.inf
        short = min(SHORT_FINALS_SHARE * self._budget.seconds, SHORT_FINALS_SECONDS)
        return self.seconds_left - max(short, min(FINALS_SHARE * self._budget.seconds, FINALS_SECONDS))

    @property
    def broke(self) -> bool:
        """Whether the budget's money is spent."""
        return self._budget.money is not None and self.money >= self._budget.money
