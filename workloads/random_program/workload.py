"""A random program as a workload."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlopt.core.errors import UserError
from mlopt.protocols import TensorSpec
from mlopt.workloads.base import one_of
from mlopt.workloads.mlir_file.workload import ProgramWorkload

from .kinds import KINDS, random_program
from .program import Program, Value

if TYPE_CHECKING:
    from mlopt.backend.mlir.payload.given import Given


@dataclass(frozen=True)
class RandomProgram(ProgramWorkload):
    """Number `seed` of the random programs of a kind; see `kinds.py`."""

    kind: str = "matmul"
    seed: int = 0

    def __post_init__(self) -> None:
        one_of("kind", self.kind, tuple(KINDS))
        if self.seed < 0:
            raise UserError(f"workload.seed={self.seed} must be a whole number from 0 up")

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return tuple(map(_spec, self.program.arguments))

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (_spec(self.program.result),)

    @property
    def flops(self) -> int:
        return self.program.flops

    @property
    def given(self) -> Given:
        from mlopt.backend.mlir.payload.given import understand

        return understand(self.source("mlir"), None, f"{self.kind} {self.seed}")

    def source(self, language: str) -> str:
        return self.program.mlir() if language == "mlir" else super().source(language)

    def eager(self) -> Callable[..., Any]:
        names = [each.name for each in self.program.arguments]
        return functools.partial(self._module("eager").eager, names=names, calls=self.program.calls)

    @property
    def program(self) -> Program:
        return _program(self.kind, self.seed)


@functools.lru_cache(maxsize=256)
def _program(kind: str, seed: int) -> Program:
    return random_program(kind, np.random.default_rng((seed, zlib.crc32(kind.encode()))))


def _spec(value: Value) -> TensorSpec:
    return TensorSpec(value.shape, "float32")
