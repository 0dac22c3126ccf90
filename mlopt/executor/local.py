"""The executor on this machine: one killable worker process a slot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import LifoQueue
from typing import TypeVar

from ..core.trial import WorkerKilled
from . import machine
from .worker import Worker

R = TypeVar("R")


class Local:
    """Runs works in `slots` processes of this machine, each within `memory_bytes` of resident memory.

    `slots=None` is one for each core, at most 8; `memory_bytes=None` is an equal share of half of the memory.
    """

    def __init__(self, slots: int | None = None, memory_bytes: int | None = None) -> None:
        machine.check(slots, memory_bytes)
        self._slots = slots
        self._memory_bytes = memory_bytes
        self._workers: list[Worker] = []
        self._idle: LifoQueue[Worker] = LifoQueue()
        self._pool: ThreadPoolExecutor | None = None

    @property
    def slots(self) -> int:
        """How many works run at once."""
        return machine.slots(self._slots)

    def start(self, preload: Sequence[str]) -> None:
        """Begin to import `preload` in every worker; returns at once."""
        memory_bytes = self._memory_bytes or machine.memory_share(self.slots)
        self._workers = [Worker(preload, memory_bytes) for _ in range(self.slots)]
        self._pool = ThreadPoolExecutor(self.slots, thread_name_prefix="slot")
        for worker in self._workers:
            worker.start()
            self._idle.put(worker)

    def submit(self, work: Callable[[], R], deadline_seconds: float) -> Future[R]:
        """Queue `work` for the next free slot; see `Worker.run` for what the future raises."""
        if self._pool is None:
            raise RuntimeError("submit before start")
        return self._pool.submit(self._run, work, deadline_seconds)

    def close(self) -> None:
        """Kill what runs; it and what is queued end as WorkerLost. Leaves no process behind. May be called twice."""
        if self._pool is not None:
            with ThreadPoolExecutor(self.slots) as closers:
                list(closers.map(Worker.close, self._workers))
            self._pool.shutdown()

    def _run(self, work: Callable[[], R], deadline_seconds: float) -> R:
        worker = self._idle.get()  # never waits: as many threads as workers
        try:
            return worker.run(work, deadline_seconds)
        except WorkerKilled:
            return worker.run(work, deadline_seconds)
        finally:
            self._idle.put(worker)
