"""Recorded spaces as a backend."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import CompileError, UserError
from ...core.garbage import uncollected
from ...core.recorded import RecordedProgram
from ...core.schedule import Schedule
from ...protocols import Roofline, Workload
from .record import read
from .space import RecordedSpace


@dataclass(frozen=True)
class Recorded:
    """The space of a record is exactly what it holds, and a schedule's program is its row there."""

    @property
    def preload(self) -> tuple[str, ...]:
        return (__name__,)

    @property
    def thread_count(self) -> int:
        return 0

    def space(self, workload: Workload) -> RecordedSpace:
        path = workload.source("record")
        try:
            modified = os.stat(path).st_mtime_ns
        except OSError as error:
            raise UserError(f"cannot read workload.path={path}: {error.strerror}") from None
        return _space(path, modified)

    def build(self, workload: Workload, schedule: Schedule | None) -> RecordedProgram:
        if schedule is None:
            raise CompileError("a record holds no naive program")
        space = self.space(workload)
        space.check(schedule)
        return RecordedProgram(space.trials[schedule])

    def export(self, workload: Workload, schedule: Schedule, directory: Path) -> None:
        """Makes the folder; a record knows no more of a schedule than the study does."""
        self.space(workload).check(schedule)
        directory.mkdir(parents=True)

    def roofline(self) -> Roofline:
        raise UserError("a record has no roofline")


@functools.lru_cache(maxsize=1)
def _space(path: str, modified: int) -> RecordedSpace:
    """The space of a record; `modified` is when the file last changed."""
    try:
        with uncollected():
            return RecordedSpace(read(Path(path)))
    except UserError as error:
        raise UserError(f"workload.path={path}: {error}") from None
