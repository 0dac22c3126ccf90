"""A work may end its process with its result, where it left something behind that would disturb the next one; or at
once, where an earlier one did."""

from __future__ import annotations

RETIRED, UNFIT = "retired", "unfit"
"""What a worker sends before the answer of a work that ended in this way; and in the place of one."""


class Retirement(Exception):
    """Raised by a work that is to be its process's last; whoever waits for the work gets `result`, as if returned."""

    def __init__(self, result: object) -> None:
        super().__init__(result)
        self.result = result


class Unfit(Exception):
    """Raised by a work that has not begun and wants a fresh process: a worker runs it there, once."""
