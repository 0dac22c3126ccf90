"""A study's best kernel as a library: built again, verified, and only then written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .core.schedule import Schedule
from .evaluator.correctness import DISTRIBUTIONS, case, empty
from .executor import device
from .protocols import LibraryBackend, Workload


@dataclass(frozen=True, slots=True)
class WriteLibrary:
    """Write a schedule's library, and its program as `best/`, into an empty directory; picklable.

    Returns the backend's notes for the user. Raises WrongResult, before anything is written, and what the backend does.
    """

    workload: Workload
    backend: LibraryBackend
    schedule: Schedule
    name: str | None
    origin: str
    directory: Path

    def __call__(self) -> Sequence[str]:
        with device.shared():
            library = self.backend.library(self.workload, self.schedule, self.name)
            kernel = library.load()
            outputs = [empty(spec) for spec in self.workload.outputs]
            for number in range(len(DISTRIBUTIONS)):
                case(self.workload, 0, number).check(kernel, outputs)
            kernel.rest()
            notes = library.write(self.directory, self.origin)
            self.backend.export(self.workload, self.schedule, self.directory / "best")
        return notes
