"""A program of the user's own as a workload."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlopt.core.errors import UserError
from mlopt.protocols import TensorSpec
from mlopt.workloads.base import FolderWorkload

if TYPE_CHECKING:
    from mlopt.backend.mlir.payload.given import Given


class ProgramWorkload(FolderWorkload):
    """A workload of which nothing is known but its program, in MLIR: the rest is read from that."""

    @property
    @abstractmethod
    def given(self) -> Given:
        """The program, understood. Raises UserError when it cannot be optimised."""

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return self.given.operands

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self.given.outputs

    @property
    def flops(self) -> int:
        return self.given.flops

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self.given.judge

    def source(self, language: str) -> str:
        if language != "mlir":
            raise UserError(f"workload {self.name} has no program for a backend that reads '{language}'")
        return self.given.text


@dataclass(frozen=True)
class MlirFile(ProgramWorkload):
    """The function `entry` (by default the first public one) of the MLIR text in the file `path`.

    It takes and returns tensors of static shape: of bf16, f16, f32, f64, of whole or complex numbers, i1 or index.
    """

    path: str
    entry: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", str(Path(self.path).expanduser().absolute()))

    @property
    def given(self) -> Given:
        from mlopt.backend.mlir.payload.given import understand

        try:
            return understand(
                read_text(self.path, Path(self.path).stat().st_mtime_ns), self.entry, Path(self.path).name
            )
        except OSError as error:
            raise UserError(f"cannot read workload.path={self.path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise UserError(f"workload.path={self.path} is not a file of text") from None

    def eager(self) -> Callable[..., Any]:
        raise UserError("a program in MLIR has no equivalent in PyTorch")


@functools.lru_cache(maxsize=8)
def read_text(path: str, modified: int) -> str:
    """A file's text; `modified` is when it last changed."""
    return Path(path).read_text()
