"""A program in MLIR with its equivalent in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mlopt.workloads.mlir_file.workload import MlirFile


@dataclass(frozen=True)
class Twin(MlirFile):
    """The first public function of the file `path`; `function` names what computes the same, as in 'pkg.mod:name'."""

    function: str = ""

    @property
    def name(self) -> str:
        return "mlir_file"

    def eager(self) -> Callable[..., Any]:
        from mlopt.workloads.torch_module.eager import load

        return load(self.function)
