"""What runs on a node: the Ray task, and in each Ray process one killable worker that does the works."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...core.fingerprint import available_cores, hardware
from ...core.trial import WorkerLost
from .. import machine
from ..worker import Worker


@dataclass(frozen=True, slots=True)
class Settings:
    """What a Ray process must know to make its worker as the driver would."""

    preload: tuple[str, ...]
    memory_bytes: int | None
    path: tuple[str, ...]
    openmp_threads: str | None
    """The driver's OMP_NUM_THREADS; without one Ray sets its own for the time of a task."""
    hardware: Mapping[str, Any] | None
    """What a machine must be to take a work; None: any will do."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a work takes of its machine, as Ray counts it; half a GPU is two works on one."""

    cores: int
    gpus: float

    def room(self, resources: Mapping[str, float]) -> int:
        """How many such works find room in `resources`."""
        cores = int(resources.get("CPU", 0.0) // self.cores)
        return min(cores, int(resources.get("GPU", 0.0) / self.gpus)) if self.gpus else cores


ACCELERATOR = "accelerator_type:"
"""How Ray's name for the kind of a machine's GPUs begins, among its resources."""


def gpu_kind(resources: Mapping[str, float]) -> str:
    """What GPUs a machine has; '' where it has none, or Ray does not know them."""
    return next((name.removeprefix(ACCELERATOR) for name in sorted(resources) if name.startswith(ACCELERATOR)), "")


@dataclass(frozen=True, slots=True)
class Unlike:
    """In the place of an answer: this is another machine than asked for, and the work was not begun."""

    hardware: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a task came to. A loss is returned, not raised, so that what Ray raises is always Ray's own."""

    node: str
    """Ray's id of the machine."""
    answer: bytes | WorkerLost | Unlike
    busy: float
    """Seconds that the work took here."""
    idle: float | None
    """Seconds for which this process had waited for it; None for the first one."""


class _Host:
    """The worker of this Ray process, and when it was last at work."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._made_of: tuple[Settings, str | None] | None = None
        self._ended: float | None = None

    def exchange(self, work: bytes, deadline_seconds: float, settings: Settings) -> Reply:
        """Do `work` in the worker."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        started = time.monotonic()
        idle = None if self._ended is None else started - self._ended
        answer: bytes | WorkerLost | Unlike
        if settings.hardware is not None and settings.hardware != (here := hardware()):
            answer = Unlike(here)
        else:
            try:
                answer = self._made(settings).exchange(work, deadline_seconds)
            except WorkerLost as loss:
                answer = loss
        self._ended = time.monotonic()
        return Reply(node, answer, self._ended - started, idle)

    def _made(self, settings: Settings) -> Worker:
        """The worker; another one when Ray gives this process other GPUs than before."""
        made_of = settings, os.environ.get("CUDA_VISIBLE_DEVICES")
        if self._worker is None or made_of != self._made_of:
            if self._worker is not None:
                self._worker.close()
            self._worker, self._made_of = _worker(settings), made_of
        return self._worker


_host = _Host()


def run(work: bytes, deadline_seconds: float, settings: Settings) -> Reply:
    """The Ray task."""
    return _host.exchange(work, deadline_seconds, settings)


def _worker(settings: Settings) -> Worker:
    sys.path.extend(entry for entry in settings.path if entry not in sys.path)
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    if settings.openmp_threads is not None:
        environment["OMP_NUM_THREADS"] = settings.openmp_threads
    memory_bytes = settings.memory_bytes or machine.memory_share(available_cores())
    return Worker(settings.preload, memory_bytes, environment)
