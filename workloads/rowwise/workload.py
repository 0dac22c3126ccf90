"""What workloads that compute each row on its own share."""

from __future__ import annotations

from dataclasses import dataclass

from mlopt.protocols import TensorSpec
from mlopt.workloads.base import FolderWorkload, positive


@dataclass(frozen=True)
class Rowwise(FolderWorkload):
    """A function of each row of a matrix of shape (rows, cols), in float32, with a row as the result."""

    rows: int = 1024
    cols: int = 1024

    def __post_init__(self) -> None:
        positive(rows=self.rows, cols=self.cols)

    @property
    def least_bytes(self) -> int:
        return self.bytes

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec((self.rows, self.cols), "float32"),)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec((self.rows, self.cols), "float32"),)
