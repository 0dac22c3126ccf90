"""The stages of building: parse the payload, transform it by a schedule, lower it, compile it to machine code."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...core.errors import CompileError, UserError
from ...core.schedule import Schedule
from . import openmp
from .bindings import PassManager, apply_named_sequence, ir, new_context
from .contraction import Contraction
from .lowering import NAIVE, NAIVE_LEVEL, SCHEDULED_LEVEL, lowering
from .program import MlirProgram, compile_llvm
from .simd import host_simd
from .space import ContractionSpace
from .transformation import transformation


@functools.lru_cache(maxsize=8)
def space(source: str, threads: int) -> ContractionSpace:
    """The schedules of a payload, given as text, for kernels on `threads` threads.

    Raises UserError when the payload cannot be parsed or optimised, or when there is no runtime for threads.
    """
    if threads > 1:
        openmp.library_path()  # told once, at the study's start, and not by every trial
    with _active():
        return ContractionSpace(Contraction.find(parse(source)), host_simd(), threads)


def build(source: str, schedule: Schedule | None, threads: int) -> MlirProgram:
    """Transform a payload, given as text, by a schedule; None is the naive program, on one thread.

    Machine code is made when the program is first loaded.

    Raises InvalidSchedule when the schedule is not in the payload's space, CompileError when a stage fails.
    """
    if schedule is not None:
        space(source, threads).check(schedule)
    parallel = schedule is not None and threads > 1
    stages: dict[str, float] = {}
    with _active():
        with _stage("parse", stages):
            module = parse(source)
            entry = entry_point(module)
        with _stage("transform", stages):
            if schedule is not None:
                script = transformation(Contraction.find(module), schedule)
                apply_named_sequence(module, script.body.operations[0], script)
            optimized = module.operation.clone()
        with _stage("lower", stages):
            PassManager.parse(lowering(parallel) if schedule is not None else NAIVE).run(module.operation)

    def generate() -> Any:
        with _active(), _stage("machine_code", stages):
            libraries = [openmp.library_path()] if parallel else []
            engine = compile_llvm(module, NAIVE_LEVEL if schedule is None else SCHEDULED_LEVEL, libraries)
            engine.lookup(entry)
        return engine

    return MlirProgram(generate, entry, optimized, threads if parallel else 0, stages)


def parse(source: str) -> Any:
    """The payload as a module whose functions can be called through the C interface. Raises UserError."""
    try:
        module = ir.Module.parse(source)
    except ir.MLIRError as error:
        raise UserError(f"the MLIR payload does not parse: {_first_line(error)}") from None
    for function in module.body.operations:
        function.attributes["llvm.emit_c_interface"] = ir.UnitAttr.get()
    return module


def entry_point(module: Any) -> str:
    """The name of the payload's first function."""
    return str(ir.StringAttr(module.body.operations[0].attributes["sym_name"]).value)


def script_text(source: str, schedule: Schedule) -> str:
    """The transform-dialect module that carries out `schedule`, as text."""
    with _active():
        return str(transformation(Contraction.find(parse(source)), schedule))


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
        raise CompileError(f"{name}: {_first_line(error)}") from error
    finally:
        seconds[name] = time.thread_time() - start


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if "error:" in line or "Diagnostic" in line]
    return (lines or str(error).splitlines() or [type(error).__name__])[0][:300]
