"""The softmax of rows as a workload."""

from __future__ import annotations

from dataclasses import dataclass

from mlopt.protocols import TensorSpec
from mlopt.workloads.base import FolderWorkload, positive


@dataclass(frozen=True)
class Softmax(FolderWorkload):
    """y = exp(x - max x) / sum exp(x - max x) of each row of x, shape (rows, cols), in float32."""

    rows: int = 1024
    cols: int = 1024

    def __post_init__(self) -> None:
        positive(rows=self.rows, cols=self.cols)

    @property
    def flops(self) -> int:
        """Maximum, difference, exponential, sum and quotient; each counts as one operation an element."""
        return 5 * self.rows * self.cols

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec((self.rows, self.cols), "float32"),)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self.operands
