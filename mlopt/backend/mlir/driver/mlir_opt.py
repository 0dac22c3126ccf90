"""A user's `mlir-opt`, with whatever passes it holds, and the tools of its LLVM for what comes after.

The text goes from one process to the next. It becomes machine code with LLVM's own tools rather than through the
bindings, because text in the LLVM dialect of one version need not be valid in another.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....core.errors import CompileError
from .. import openmp
from ..bindings import active, ir
from ..constants import files
from ..payload.frontend import entry_point, first_line, parse
from ..payload.walk import entry
from ..program import MlirProgram
from .recipe import Recipe, stage
from .shared_object import SharedObject, caller
from .tools import SCRIPT, Tools, find, run


@dataclass(frozen=True)
class MlirOpt:
    """The build of MLIR that this `mlir-opt` belongs to; None is the one on PATH."""

    path: str | None = None

    @property
    def tools(self) -> Tools:
        """Raises UserError when one is missing."""
        return find(self.path)

    def build(self, recipe: Recipe) -> MlirProgram:
        stages: dict[str, float] = {}
        tools = self.tools
        with stage("parse", stages), active():
            module = parse(recipe.text)
            name, constants = entry_point(module), [file for file in files(module) if file is not None]
            function = ir.FunctionType(ir.TypeAttr(entry(module).attributes["function_type"]).value)
            arguments = len(function.inputs) + len(function.results)
            text = str(module).encode()
        with _folder() as folder:
            with stage("transform", stages):
                (folder / SCRIPT).write_text(recipe.script_text())
                optimized = run(tools.transform(), text, folder)
            with stage("lower", stages):
                lowered = run(tools.passes(recipe.lowering), optimized, folder)

        def generate() -> SharedObject:
            with stage("machine_code", stages), _folder() as folder:
                code = run(tools.to_llvm_ir(), lowered, folder) + caller(name, arguments).encode()
                for command in tools.to_object(recipe.level):
                    code = run(command, code, folder)
                (folder / "kernel.o").write_bytes(code)
                runtime = [openmp.library_path()] if recipe.threads else []
                run([*tools.link(), "kernel.so", "kernel.o", *runtime], b"", folder)
                return SharedObject(folder / "kernel.so", runtime)

        return MlirProgram(generate, name, optimized.decode(), recipe.threads, stages, constants)

    def ask(self, text: str, pipeline: str) -> str:
        try:
            return run(self.tools.passes(pipeline), text.encode(), Path("/")).decode()
        except RuntimeError as error:
            raise CompileError(first_line(error)) from error

    def identity(self) -> Mapping[str, Any]:
        tools = self.tools
        files = (tools.mlir_opt, tools.mlir_translate, tools.opt, tools.llc)
        stats = {file: Path(file).stat() for file in files}  # a build of one's own has the same version after a change
        return {
            "version": tools.version(),
            "linker": tools.linker,
            "files": {file: [stat.st_size, stat.st_mtime_ns] for file, stat in stats.items()},
        }

    def record(self, recipe: Recipe) -> Mapping[str, Any]:
        tools = self.tools
        commands = [
            tools.transform(),
            tools.passes(recipe.lowering),
            tools.to_llvm_ir(),
            *tools.to_object(recipe.level),
        ]
        return {"driver": "mlir-opt", "version": tools.version(), "commands": commands, "link": tools.link()}


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for a moment."""
    with tempfile.TemporaryDirectory(prefix="mlopt-") as folder:
        yield Path(folder)
