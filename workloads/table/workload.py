"""A record of measurements in the place of a computation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from mlopt.core.errors import UserError
from mlopt.protocols import Array, TensorSpec


@dataclass(frozen=True)
class Table:
    """The record in the file `path`: what was computed is not known, and nothing is computed again."""

    path: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", str(Path(self.path).expanduser().absolute()))

    @property
    def name(self) -> str:
        return "table"

    @property
    def flops(self) -> int:
        return 0

    @property
    def bytes(self) -> int:
        return 0

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return ()

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return ()

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {}

    @property
    def reference_files(self) -> Sequence[Path]:
        _nothing_runs()

    def source(self, language: str) -> str:
        """The record's path, for the language 'record'."""
        if language != "record":
            _nothing_runs()
        return self.path

    def inputs(self, rng: np.random.Generator, distribution: str) -> tuple[Array, ...]:
        _nothing_runs()

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        _nothing_runs()

    def tolerance(self, *inputs: Array) -> tuple[Array, ...]:
        _nothing_runs()

    def eager(self) -> Callable[..., Any]:
        _nothing_runs()


def _nothing_runs() -> NoReturn:
    raise UserError("workload=table is a record of measurements and cannot be run; replay it with experiment=replay")
