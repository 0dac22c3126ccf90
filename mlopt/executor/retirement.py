"""A work may end its process with its result, where it left something behind that would disturb the next one."""

from __future__ import annotations

RETIRED = "retired"
"""What a worker sends before the answer of a work that ended in this way."""


class Retirement(Exception):
    """Raised by a work that is to be its process's last; whoever waits for the work gets `result`, as if returned."""

    def __init__(self, result: object) -> None:
        super().__init__(result)
        self.result = result
