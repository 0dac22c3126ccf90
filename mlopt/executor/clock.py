"""The clock of a work's deadline, from within the work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from multiprocessing.connection import Connection

STOPPED = "stopped"
"""What a worker sends when its clock stops, and again when it goes on."""

_driver: Connection | None = None
_still = ContextVar("still", default=False)


def belongs_to(driver: Connection) -> None:
    """Let `stopped` speak with the driver that counts the seconds of this process's works."""
    global _driver
    _driver = driver


@contextmanager
def stopped() -> Iterator[None]:
    """Wait for what other works hold: not counted towards the deadline. Does nothing outside of a worker, nor twice."""
    if _driver is None or _still.get():
        yield
        return
    _driver.send(STOPPED)
    token = _still.set(True)
    try:
        yield
    finally:
        _still.reset(token)
        _driver.send(STOPPED)
