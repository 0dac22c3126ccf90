"""From a schedule to the recipe that a driver carries out."""

from __future__ import annotations

from ...core.errors import CompileError, UserError
from ...core.schedule import Schedule
from . import transform
from .dialect import words
from .driver.recipe import Driver, Recipe
from .lowering import NAIVE_LEVEL, SCHEDULED_LEVEL, calls_library, lowering, pipeline
from .passes import Pipelines
from .problem import problem
from .simd import Simd
from .space.pipeline import PipelineSpace


def check(driver: Driver, pipelines: Pipelines | None) -> None:
    """Raise UserError where a driver does not work, or does not know a pass or an option of `pipelines`."""
    try:
        words(driver)
        if "module" not in (printed := driver.ask("module {}", pipeline())):
            raise CompileError(f"of a module it makes {' '.join(printed.split())[:100] or 'nothing'}")
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


def recipe(
    source: str, schedule: Schedule, threads: int, simd: Simd, driver: Driver, pipelines: Pipelines | None = None
) -> Recipe:
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
    found = problem(source, threads, simd)
    found.space.check(schedule)
    program, rest = found.stated(schedule)
    calls = calls_library(program.text)
    down, unsliced = (version.lowering(lowering(threads > 1, sliced, calls)) for sliced in (True, False))
    return Recipe(program.text, lambda: version.script(program.script(rest)), down, SCHEDULED_LEVEL, workers, unsliced)
