"""The archive as it is configured."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from ..core.errors import UserError
from ..protocols import Backend, Evaluator, Executor, IdentifiedBackend, IdentifiedEvaluator, RemoteExecutor, Workload
from .study import StudyArchive

PACKAGES = ("pydantic", "sqlalchemy")
"""What the store is made with."""


@dataclass(frozen=True, slots=True)
class Archive:
    """Where measurements are kept, and what for."""

    url: str | None = None
    """Of SQLAlchemy: `sqlite:///PATH` or `postgresql://USER@HOST/NAME`; None: `outputs/archive.db`."""
    keep: bool = True
    """Add what the study measures."""
    reuse: bool = True
    """Believe what was measured before, instead of measuring it again."""

    @property
    def lacks(self) -> str | None:
        """The package without which nothing can be kept, if it is wanted and not installed."""
        wanted = PACKAGES if self.keep or self.reuse else ()
        return next((package for package in wanted if find_spec(package) is None), None)

    def of_study(
        self, workload: Workload, backend: Backend, evaluator: Evaluator, executor: Executor, **others: Any
    ) -> StudyArchive | None:
        """For a study of these parts; None where it is not used.

        That is also where a part does not say what its numbers depend on, and where trials run on other machines than
        this one, whose hardware is a part of the address; and where packages are not installed, unless a store was
        named. Raises UserError then.
        """
        if not (self.keep or self.reuse) or (isinstance(executor, RemoteExecutor) and executor.remote):
            return None
        if self.lacks and self.url is not None:
            raise UserError(f"archive.url={self.url} needs {self.lacks}, which is not installed")
        if self.lacks:
            return None
        if isinstance(backend, IdentifiedBackend) and isinstance(evaluator, IdentifiedEvaluator):
            return StudyArchive(self.url, self.keep, self.reuse, workload, backend, evaluator)
        return None
