"""What a backend does for a study beside its trials: in a worker of its own, so that compilers stay out of the study's
process."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from . import result
from .core.schedule import Schedule
from .core.trial import Status, WorkerLost
from .executor.worker import Worker
from .protocols import Backend, Workload
from .runner import Export

R = TypeVar("R")

EXPORT_SECONDS = 60.0


def aside(work: Callable[[], R], backend: Backend, deadline_seconds: float, patience_seconds: float = math.inf) -> R:
    """What `work` returns. It is done once more if the worker died, of which no trial would be the wiser.

    For what is raised and what the seconds mean see `Worker.run`.
    """
    with contextlib.closing(Worker(backend.preload)) as worker:
        try:
            return worker.run(work, deadline_seconds, patience_seconds)
        except WorkerLost as loss:
            if loss.status is not Status.CRASH:
                raise
            return worker.run(work, deadline_seconds, patience_seconds)


def export(
    workload: Workload, backend: Backend, found: Mapping[str, Any], folder: Path, patience_seconds: float = math.inf
) -> None:
    """Write the best schedule of a study's result to `best` in the study's folder, as a whole or not at all.

    Raises WorkerDelayed where others take time for longer than `patience_seconds`.
    """
    draft, place = folder / ".best.new", folder / "best"
    shutil.rmtree(draft, ignore_errors=True)
    work = Export(workload, backend, Schedule.of(found["best"]["schedule"]), draft)
    aside(work, backend, EXPORT_SECONDS, patience_seconds)
    result.complete_record(draft, found)
    shutil.rmtree(place, ignore_errors=True)
    draft.rename(place)
