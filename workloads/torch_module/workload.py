"""A PyTorch module of the user's own as a workload."""

from __future__ import annotations

import functools
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlopt.core.cache import cache_folder
from mlopt.core.errors import UserError
from mlopt.workloads.base import positive
from mlopt.workloads.mlir_file.workload import ProgramWorkload, read_text

if TYPE_CHECKING:
    from mlopt.backend.mlir.payload.given import Given


@dataclass(frozen=True)
class TorchModule(ProgramWorkload):
    """The module or function `target`, as in 'pkg.mod:Class', for float32 inputs of these shapes.

    A class is made without arguments, with PyTorch's seed 0, in eval mode. Its parameters become constants.
    """

    target: str
    shapes: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "shapes", tuple(tuple(shape) for shape in self.shapes))
        if ":" not in self.target:
            raise UserError(f"workload.target={self.target} must name a module and what is in it, as in pkg.mod:Class")
        if not self.shapes:
            raise UserError("workload.inputs=[] must hold the shape of at least one input")
        for number, shape in enumerate(self.shapes):
            positive(**{f"inputs[{number}][{axis}]": size for axis, size in enumerate(shape)})

    @classmethod
    def of(cls, target: str, inputs: tuple[tuple[int, ...], ...]) -> TorchModule:
        """As the configuration names the shapes: a workload's own `inputs` are the arrays."""
        return cls(target, inputs)

    @property
    def given(self) -> Given:
        from mlopt.backend.mlir.payload.given import understand

        file = self._program if self._program.exists() else self._import()  # it may have come from another machine
        return understand(read_text(str(file), 0), None, self.target)

    def eager(self) -> Callable[..., Any]:
        function: Callable[..., Any] = importlib.import_module("mlopt.workloads.torch_module.eager").load(self.target)
        return function

    @functools.cached_property
    def _program(self) -> Path:
        """The imported program: made when it is first asked for, and sent along with copies of this workload."""
        return self._import()

    def _import(self) -> Path:
        call = [sys.executable, "-m", "mlopt.workloads.torch_module.importer", self.target, json.dumps(self.shapes)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [*sys.path, os.getcwd()]))}
        done = subprocess.run(
            [*call, str(cache_folder() / "programs")], env=environment, capture_output=True, text=True
        )
        lines = done.stderr.strip().splitlines() or ["it died"]
        if done.returncode == 2:
            raise UserError(lines[-1])
        if done.returncode:
            raise UserError(f"workload.target={self.target} cannot be imported: {lines[-1]}")
        return Path(done.stdout.splitlines()[-1])
