"""The stages of building: parse the payload, transform it by a schedule, lower it, compile it to machine code."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...core.errors import CompileError
from ...core.schedule import Schedule
from . import naive, openmp, transform
from .bindings import PassManager, apply_named_sequence, ir, new_context
from .constants import files
from .lowering import NAIVE_LEVEL, SCHEDULED_LEVEL, lowering
from .payload.contraction import Contraction
from .payload.frontend import entry_point, first_line, parse, prepare
from .payload.nest import read
from .program import MlirProgram, compile_llvm
from .simd import host_simd
from .space.matmul import ContractionSpace
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
    with _active():
        module = parse(source)
        if contraction := Contraction.find(module):
            return Problem(source, ContractionSpace(contraction, host_simd(), threads))
        prepare(module)
        nests = read(module)
        return Problem(str(module), ProgramSpace(nests, host_simd(), threads))


def build(source: str, schedule: Schedule | None, threads: int) -> MlirProgram:
    """Transform a payload, given as text, by a schedule; None is the naive program, on one thread.

    Machine code is made when the program is first loaded.

    Raises InvalidSchedule when the schedule is not in the payload's space, CompileError when a stage fails.
    """
    if schedule is None:
        return _build(source, None, naive.lower, NAIVE_LEVEL, 0)
    found = problem(source, threads)
    found.space.check(schedule)
    parallel = threads > 1
    script = functools.partial(found.script, schedule)

    def lower(module: Any) -> None:
        PassManager.parse(lowering(parallel)).run(module.operation)

    return _build(found.text, script, lower, SCHEDULED_LEVEL, threads if parallel else 0)


def _build(
    text: str, script: Callable[[], Any] | None, lower: Callable[[Any], None], level: int, threads: int
) -> MlirProgram:
    stages: dict[str, float] = {}
    with _active():
        with _stage("parse", stages):
            module = parse(text)
            entry, constants = entry_point(module), [file for file in files(module) if file is not None]
        with _stage("transform", stages):
            if script is not None:
                steps = script()
                apply_named_sequence(module, steps.body.operations[0], steps)
            optimized = module.operation.clone()
        with _stage("lower", stages):
            lower(module)

    def generate() -> Any:
        with _active(), _stage("machine_code", stages):
            engine = compile_llvm(module, level, [openmp.library_path()] if threads else [])
            engine.lookup(entry)
        return engine

    return MlirProgram(generate, entry, optimized, threads, stages, constants)


def script_text(source: str, schedule: Schedule, threads: int) -> str:
    """The transform-dialect module that carries out `schedule`, as text."""
    with _active():
        return str(problem(source, threads).script(schedule))


@functools.cache
def _context() -> Any:
    """One context a process: dialects are loaded once."""
    return new_context()


@contextmanager
def _active() -> Iterator[None]:
    context = _context()
    with context, ir.Location.unknown(context):
        yield


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
