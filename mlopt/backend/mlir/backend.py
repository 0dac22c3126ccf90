"""The MLIR backend: parse, transform, lower, compile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...core.errors import UserError, nearest
from ...core.schedule import Schedule
from ...protocols import Roofline, Workload
from .target import HOST, Host, Target

if TYPE_CHECKING:
    from ...core.alternatives import Alternatives
    from .driver.recipe import Driver, Recipe
    from .library.write import MlirLibrary
    from .passes import Pipelines
    from .program import MlirProgram
    from .space.matmul import ContractionSpace
    from .space.pipeline import PipelineSpace
    from .space.program import ProgramSpace

DriverName = Literal["bindings", "mlir-opt"]


@dataclass(frozen=True)
class Mlir:
    """Linalg programs on this machine's CPU, scheduled by the transform dialect, compiled in the worker's process.

    `target` is the CPU that schedules are made for, and simulated on. `driver` is what carries them out: the Python
    bindings, or the program `mlir_opt` (None: the one on PATH). With `pipeline_space`, a YAML file, schedules are pass
    pipelines.
    """

    threads: int | str = "all"
    driver: DriverName = "bindings"
    target: Target = HOST
    mlir_opt: str | None = None
    pipeline_space: str | None = None

    def __post_init__(self) -> None:
        if self.driver not in (known := get_args(DriverName)):
            raise UserError(f"backend.driver={self.driver} must be {' or '.join(known)}{nearest(self.driver, known)}")
        if self.mlir_opt is not None and self.driver != "mlir-opt":
            raise UserError(f"backend.mlir_opt={self.mlir_opt} is used with backend.driver=mlir-opt only")
        for key in ("mlir_opt", "pipeline_space"):
            path = getattr(self, key)
            if path is not None and (key == "pipeline_space" or "/" in path):  # else it is the name of a program
                object.__setattr__(self, key, str(Path(path).expanduser().absolute()))
        if not isinstance(self.target, Target):
            raise UserError("backend=mlir compiles for CPUs: choose another target")
        if self.threads == "all":
            return
        if type(self.threads) is not int or self.threads < 1:
            raise UserError(f"backend.threads={self.threads!r} must be a whole number of at least 1, or 'all'")
        if self.threads > (cores := self.target.cores):
            raise UserError(f"backend.threads={self.threads} must be at most {cores}, as many cores as there are")

    @property
    def preload(self) -> tuple[str, ...]:
        return ("mlopt.backend.mlir.compiler",)

    @property
    def thread_count(self) -> int:
        return self.target.cores if self.threads == "all" else int(self.threads)

    @property
    def native(self) -> bool:
        return isinstance(self.target, Host)

    def space(self, workload: Workload) -> ContractionSpace | PipelineSpace | ProgramSpace | Alternatives:
        from .compiler import check
        from .problem import problem
        from .space.pipeline import PipelineSpace

        source, pipelines = workload.source("mlir"), self._pipelines()
        check(self._driver(), pipelines)  # told once, at the study's start, and not by every trial
        return PipelineSpace(pipelines) if pipelines else problem(source, self.thread_count, self.target.simd).space

    def explain(self, workload: Workload) -> str:
        from .explain import explain

        return explain(workload.source("mlir"), self.space(workload), self.target.simd)

    def build(self, workload: Workload, schedule: Schedule | None) -> MlirProgram:
        from .driver.in_process import build_naive

        if schedule is None:
            return build_naive(workload.source("mlir"))
        return replace(self._driver().build(self._recipe(workload, schedule)), target=self.target)

    def identity(self, workload: Workload) -> Mapping[str, Any]:
        from .passes import text

        return {
            "program": workload.source("mlir"),
            "target": None if self.native else asdict(self.target),  # this machine is known anyway
            "pipelines": None if self.pipeline_space is None else text(self.pipeline_space),
            **self._driver().identity(),
        }

    def export(self, workload: Workload, schedule: Schedule, directory: Path) -> None:
        from .export import export

        export(workload, schedule, self._recipe(workload, schedule), self._driver(), directory)

    def library(self, workload: Workload, schedule: Schedule, name: str | None) -> MlirLibrary:
        from .library.write import compile_library
        from .lowering import calls_library, library_lowering

        pipelines, threads = self._pipelines(), self.thread_count
        program = self.build(workload, schedule)
        calls = calls_library(program.ir)
        lowering = pipelines.library_lowering if pipelines else library_lowering(threads, calls)
        driver = self._driver() if pipelines else None  # whose passes may be the user's own
        return compile_library(workload, schedule, program, lowering, threads, name, driver)

    def roofline(self) -> Roofline:
        from .roofline import measure

        return measure(self.thread_count)

    def _recipe(self, workload: Workload, schedule: Schedule) -> Recipe:
        from .compiler import recipe

        return recipe(
            workload.source("mlir"), schedule, self.thread_count, self.target.simd, self._driver(), self._pipelines()
        )

    def _driver(self) -> Driver:
        from .driver.in_process import InProcess
        from .driver.mlir_opt import MlirOpt

        return InProcess() if self.driver == "bindings" else MlirOpt(self.mlir_opt)

    def _pipelines(self) -> Pipelines | None:
        from .passes import read

        return None if self.pipeline_space is None else read(self.pipeline_space).on(self.thread_count)
