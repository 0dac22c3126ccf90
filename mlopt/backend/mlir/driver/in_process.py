"""MLIR through its Python bindings, in this process: no text between the stages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....core.errors import CompileError
from .. import naive, openmp
from ..bindings import PassManager, active, apply_named_sequence, ir
from ..constants import files
from ..lowering import NAIVE_LEVEL, SLICED
from ..machine_code import compile_llvm
from ..payload.frontend import entry_point, first_line, parse
from ..payload.walk import duplicate
from ..program import MlirProgram
from .recipe import Recipe, stage


@dataclass(frozen=True)
class InProcess:
    """The build of MLIR that the bindings belong to."""

    def build(self, recipe: Recipe) -> MlirProgram:
        def transform(module: Any) -> None:
            script = recipe.script()
            script.operation.verify()
            apply_named_sequence(module, script.body.operations[0], script)

        def lower(module: Any) -> None:
            sliced = any(SLICED in function.attributes for function in module.body.operations)
            passes = PassManager.parse(recipe.lowering if sliced else recipe.unsliced or recipe.lowering)
            passes.enable_verifier(False)  # after each pass it would take longer than the passes; once is enough
            passes.run(module.operation)
            module.operation.verify()

        return _build(recipe.text, transform, lower, recipe.level, recipe.threads)

    def ask(self, text: str, pipeline: str) -> str:
        with active():
            try:
                module = ir.Module.parse(text)
                PassManager.parse(pipeline).run(module.operation)
            except (ir.MLIRError, ValueError) as error:
                raise CompileError(first_line(error)) from error
            return str(module)

    def identity(self) -> Mapping[str, Any]:
        libraries = Path(ir.__file__).parent.glob("_mlir_libs/*.so*")  # a build of one's own has no version
        return {"bindings": ir.__name__, "bytes": sum(library.stat().st_size for library in libraries)}

    def record(self, recipe: Recipe) -> Mapping[str, Any]:
        return {"driver": "bindings"}


def build_naive(source: str) -> MlirProgram:
    """The program as written, on one thread. Raises CompileError."""
    return _build(source, lambda module: None, naive.lower, NAIVE_LEVEL, 0)


def _build(
    text: str, transform: Callable[[Any], None], lower: Callable[[Any], None], level: int, threads: int
) -> MlirProgram:
    stages: dict[str, float] = {}
    with active():
        with stage("parse", stages):
            module = duplicate(_parsed(text))
            entry, constants = entry_point(module), [file for file in files(module) if file is not None]
        with stage("transform", stages):
            transform(module)
            optimized = module.operation.clone()
        with stage("lower", stages):
            lower(module)
            _keep_apart(module, entry)

    def generate() -> Any:
        with active(), stage("machine_code", stages):
            engine = compile_llvm(module, level, [openmp.library_path()] if threads else [])
            engine.lookup(entry)
        return engine

    return MlirProgram(generate, entry, optimized, threads, stages, constants)


@functools.lru_cache(maxsize=4)
def _parsed(text: str) -> Any:
    """What a study's trials all begin with, read once in a process; only copies of it are changed."""
    return parse(text)


def _keep_apart(module: Any, entry: str) -> None:
    """Have the entry point called by the functions that wrap it, which LLVM would write it out in once more each."""
    functions = ir.SymbolTable(module.operation)
    for name in (entry, f"_mlir_ciface_{entry}"):
        if name in functions:  # passes of a user's choice may leave other names
            functions[name].attributes["no_inline"] = ir.UnitAttr.get()
