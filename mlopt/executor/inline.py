"""The executor without workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from . import device

R = TypeVar("R")


class Inline:
    """Runs each work in this process as soon as it is submitted: for evaluators that run nothing.

    Nothing protects this process from a work: there is no deadline, no limit of memory, and a work that crashes takes
    the study along. Works that would take time on the device are refused.
    """

    @property
    def slots(self) -> int:
        return 1

    def start(self, preload: Sequence[str]) -> None:
        """There is nothing to get ready."""

    def submit(self, work: Callable[[], R], deadline_seconds: float) -> Future[R]:
        """Run `work`; the future is done. `deadline_seconds` is not kept."""
        future: Future[R] = Future()
        with device.apart():
            try:
                future.set_result(work())
            except Exception as error:
                future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing runs."""
