"""The stages of building: parse the payload, transform it by a schedule, lower it, compile it to machine code."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...core.errors import CompileError
from ...core.schedule import Schedule
from . import naive, openmp
from .bindings import PassManager, apply_named_sequence, ir
from .context import active
from .lowering import NAIVE_LEVEL, SCHEDULED_LEVEL, lowering
from .payload.frontend import entry_point, first_line, parse
from .problem import problem
from .program import MlirProgram, compile_llvm


def build(source: str, schedule: Schedule | None, threads: int) -> MlirProgram:
    """Transform a payload, given as text, by a schedule; None is the naive program, on one thread.

    Machine code is made when the program is first loaded.

    Raises InvalidSchedule when the schedule is not in the payload's space, CompileError when a stage fails.
    """
    if schedule is None:
        return _build(source, None, naive.lower, NAIVE_LEVEL, 0)
    found = problem(source, threads)
    found.space.check(schedule)
    program, rest = found.stated(schedule)
    parallel = threads > 1
    script = functools.partial(program.script, rest)

    def lower(module: Any) -> None:
        PassManager.parse(lowering(parallel)).run(module.operation)

    return _build(program.text, script, lower, SCHEDULED_LEVEL, threads if parallel else 0)


def _build(
    text: str, script: Callable[[], Any] | None, lower: Callable[[Any], None], level: int, threads: int
) -> MlirProgram:
    stages: dict[str, float] = {}
    with active():
        with _stage("parse", stages):
            module = parse(text)
            entry = entry_point(module)
        with _stage("transform", stages):
            if script is not None:
                steps = script()
                apply_named_sequence(module, steps.body.operations[0], steps)
            optimized = module.operation.clone()
        with _stage("lower", stages):
            lower(module)

    def generate() -> Any:
        with active(), _stage("machine_code", stages):
            engine = compile_llvm(module, level, [openmp.library_path()] if threads else [])
            engine.lookup(entry)
        return engine

    return MlirProgram(generate, entry, optimized, threads, stages)


def script_text(source: str, schedule: Schedule, threads: int) -> str:
    """The transform-dialect module that carries out `schedule`, as text."""
    program, rest = problem(source, threads).stated(schedule)
    with active():
        return str(program.script(rest))


@contextmanager
def _stage(name: str, seconds: dict[str, float]) -> Iterator[None]:
    """Take a stage's CPU time; whatever the compiler raises in it becomes a CompileError that names the stage."""
    start = time.thread_time()
    try:
        yield
    except (ir.MLIRError, ValueError, RuntimeError) as error:
        raise CompileError(f"{name}: {first_line(error)}") from error
    finally:
        seconds[name] = time.thread_time() - start
