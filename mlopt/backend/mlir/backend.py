"""The MLIR backend: parse, transform, lower, compile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import UserError
from ...core.fingerprint import available_cores
from ...core.schedule import Schedule
from ...protocols import Roofline, Workload

if TYPE_CHECKING:
    from ...core.alternatives import Alternatives
    from .program import MlirProgram
    from .space.matmul import ContractionSpace
    from .space.program import ProgramSpace


@dataclass(frozen=True)
class Mlir:
    """Linalg programs on this machine's CPU, scheduled by the transform dialect, compiled in the worker's process."""

    threads: int | str = "all"

    def __post_init__(self) -> None:
        if self.threads == "all":
            return
        if type(self.threads) is not int or self.threads < 1:
            raise UserError(f"backend.threads={self.threads!r} must be a whole number of at least 1, or 'all'")
        if self.threads > (cores := available_cores()):
            raise UserError(f"backend.threads={self.threads} must be at most {cores}, as many cores as there are")

    @property
    def preload(self) -> tuple[str, ...]:
        return ("mlopt.backend.mlir.compiler",)

    @property
    def thread_count(self) -> int:
        return available_cores() if self.threads == "all" else int(self.threads)

    def space(self, workload: Workload) -> ContractionSpace | ProgramSpace | Alternatives:
        from .problem import problem

        return problem(workload.source("mlir"), self.thread_count).space

    def build(self, workload: Workload, schedule: Schedule | None) -> MlirProgram:
        from .compiler import build

        return build(workload.source("mlir"), schedule, self.thread_count)

    def export(self, workload: Workload, schedule: Schedule, directory: Path) -> None:
        from .export import export

        export(workload, schedule, self.thread_count, directory)

    def roofline(self) -> Roofline:
        from .roofline import measure

        return measure(self.thread_count)
