"""What makes a kernel of a program, and who can carry it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from ....core.cpu_time import cpu_seconds
from ....core.errors import CompileError
from ..bindings import active, ir
from ..dialect import Asked
from ..payload.frontend import first_line
from ..program import MlirProgram


@dataclass(frozen=True)
class Recipe:
    """From a program to machine code: a transform script, then the passes down to the LLVM dialect."""

    text: str
    """The program that the script is applied to."""
    script: Callable[[], Any]
    """Makes the transform module, in the words of the driver's version. Needs an active context."""
    lowering: str
    """The pass pipeline from what the script leads to, down to the LLVM dialect."""
    level: int
    """LLVM's level of optimisation."""
    threads: int
    """0 for a program without parallel loops."""
    unsliced: str | None = None
    """A shorter pipeline for what the script leaves no slices of vectors in."""

    def script_text(self) -> str:
        with active():
            return str(self.script())


class Driver(Asked, Protocol):
    """Carries recipes out with one build of MLIR. Implementations are frozen dataclasses."""

    def build(self, recipe: Recipe) -> MlirProgram:
        """Machine code is made when the program is first loaded. Raises CompileError when a stage fails."""

    def identity(self) -> Mapping[str, Any]:
        """Which build of MLIR it is, as far as that can be told."""

    def record(self, recipe: Recipe) -> Mapping[str, Any]:
        """What an exported kernel's record says of it: enough to carry the recipe out again."""


@contextmanager
def stage(name: str, seconds: dict[str, float]) -> Iterator[None]:
    """Take a stage's CPU time; whatever a compiler raises in it becomes a CompileError that names the stage."""
    start = cpu_seconds()
    try:
        yield
    except (ir.MLIRError, ValueError, RuntimeError, OSError) as error:
        raise CompileError(f"{name}: {first_line(error)}") from error
    finally:
        seconds[name] = cpu_seconds() - start
