"""From a payload to what can be decided about it, and from a schedule to the recipe that a driver carries out."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from ...core.errors import CompileError, UserError
from ...core.schedule import Schedule
from . import openmp, transform
from .bindings import active
from .dialect import words
from .driver.recipe import Driver, Recipe
from .lowering import NAIVE_LEVEL, SCHEDULED_LEVEL, lowering, pipeline
from .passes import Pipelines
from .payload.contraction import Contraction
from .payload.frontend import parse, prepare
from .payload.nest import read
from .simd import host_simd
from .space.matmul import ContractionSpace
from .space.pipeline import PipelineSpace
from .space.program import ProgramSpace


@dataclass(frozen=True)
class Problem:
    """What a payload asks to have optimised."""

    text: str
    """The program that schedules are applied to: the payload, or what it was simplified to."""
    space: ContractionSpace | ProgramSpace

    def script(self, schedule: Schedule) -> Any:
        """The transform module that carries out `schedule`. Needs an active context."""
        if isinstance(self.space, ProgramSpace):
            return transform.program.transformation(self.space, schedule)
        return transform.matmul.transformation(self.space.contraction, schedule, self.space.threads > 1)


@functools.lru_cache(maxsize=8)
def problem(source: str, threads: int) -> Problem:
    """The problem in a payload, given as text, for kernels on `threads` threads.

    Raises UserError when the payload cannot be parsed or optimised, or when there is no runtime for threads.
    """
    if threads > 1:
        openmp.library_path()  # told once, at the study's start, and not by every trial
    with active():
        module = parse(source)
        if contraction := Contraction.find(module):
            return Problem(source, ContractionSpace(contraction, host_simd(), threads))
        prepare(module)
        nests = read(module)
        return Problem(str(module), ProgramSpace(nests, host_simd(), threads))


def check(driver: Driver, pipelines: Pipelines | None) -> None:
    """Raise UserError where a driver does not work, or does not know a pass or an option of `pipelines`."""
    try:
        words(driver)
    except CompileError as error:
        raise UserError(f"backend.driver: it does not do as MLIR does: {error}") from None
    if pipelines and _refusal(driver, *pipelines.every()):
        for name in pipelines.every():
            if reason := _refusal(driver, name):
                raise UserError(f"backend.pipeline_space: {name} is refused: {reason}")


def _refusal(driver: Driver, *passes: str) -> str:
    """Why a driver does not know these passes, in a line; '' when it does."""
    try:
        driver.ask("", pipeline(*passes))
    except CompileError as error:
        return str(error) or "no reason given"
    return ""


def recipe(source: str, schedule: Schedule, threads: int, driver: Driver, pipelines: Pipelines | None = None) -> Recipe:
    """How a payload, given as text, becomes a kernel by a schedule, which with `pipelines` is one of them.

    Raises InvalidSchedule when the schedule is not in the space.
    """
    version, workers = words(driver), threads if threads > 1 else 0
    if pipelines:
        space = PipelineSpace(pipelines)
        space.check(schedule)
        passes = space.passes(schedule)
        return Recipe(
            source, lambda: transform.pipeline.transformation(passes), pipelines.lowering, NAIVE_LEVEL, workers
        )
    found = problem(source, threads)
    found.space.check(schedule)
    down = version.lowering(lowering(threads > 1))
    return Recipe(found.text, lambda: version.script(found.script(schedule)), down, SCHEDULED_LEVEL, workers)
