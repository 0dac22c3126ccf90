"""From a schedule to the recipe that a driver carries out."""

from __future__ import annotations

from ...core.errors import CompileError, UserError
from ...core.schedule import Schedule
from . import transform
from .dialect import words
from .driver.in_process import InProcess, build_naive
from .driver.recipe import Driver, Recipe
from .lowering import NAIVE_LEVEL, SCHEDULED_LEVEL, lowering
from .passes import Pipelines
from .problem import problem
from .program import MlirProgram
from .space.pipeline import PipelineSpace


def pipeline_space(pipelines: Pipelines, driver: Driver) -> PipelineSpace:
    """The pipelines that a driver is to search. Raises UserError for a pass or an option that it does not know."""
    try:
        driver.ask("", pipelines.every())
    except CompileError as error:
        raise UserError(f"backend.pipeline_space: {error}") from None
    return PipelineSpace(pipelines)


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
    program, rest = found.stated(schedule)
    down = version.lowering(lowering(threads > 1))
    return Recipe(program.text, lambda: version.script(program.script(rest)), down, SCHEDULED_LEVEL, workers)


def build(source: str, schedule: Schedule | None, threads: int, driver: Driver = InProcess()) -> MlirProgram:  # noqa: B008 - immutable
    """Transform a payload, given as text, by a schedule; None is the naive program, on one thread, by the bindings.

    Machine code is made when the program is first loaded.

    Raises InvalidSchedule when the schedule is not in the payload's space, CompileError when a stage fails.
    """
    return build_naive(source) if schedule is None else driver.build(recipe(source, schedule, threads, driver))
