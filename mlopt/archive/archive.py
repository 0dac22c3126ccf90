"""The archive as it is configured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..protocols import Backend, Evaluator, Executor, IdentifiedBackend, IdentifiedEvaluator, RemoteExecutor, Workload
from .study import StudyArchive


@dataclass(frozen=True, slots=True)
class Archive:
    """Where measurements are kept, and what for."""

    url: str | None = None
    """Of SQLAlchemy: `sqlite:///PATH` or `postgresql://USER@HOST/NAME`; None: `outputs/archive.db`."""
    keep: bool = True
    """Add what the study measures."""
    reuse: bool = True
    """Believe what was measured before, instead of measuring it again."""

    def of_study(
        self, workload: Workload, backend: Backend, evaluator: Evaluator, executor: Executor, **others: Any
    ) -> StudyArchive | None:
        """For a study of these parts; None where it is not used.

        That is also where a part does not say what its numbers depend on, and where trials run on other machines than
        this one, whose hardware is a part of the address.
        """
        if not (self.keep or self.reuse) or (isinstance(executor, RemoteExecutor) and executor.remote):
            return None
        if isinstance(backend, IdentifiedBackend) and isinstance(evaluator, IdentifiedEvaluator):
            return StudyArchive(self.url, self.keep, self.reuse, workload, backend, evaluator)
        return None
