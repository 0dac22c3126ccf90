"""Layer normalisation as a workload."""

from __future__ import annotations

from dataclasses import dataclass

from mlopt.protocols import TensorSpec
from mlopt.workloads.rowwise.workload import Rowwise


@dataclass(frozen=True)
class Layernorm(Rowwise):
    """y = (x - mean) / sqrt(variance + 1e-5) gamma + beta of each row of x, shape (rows, cols), in float32.

    The variance is the biased one; gamma and beta have shape (cols,).
    """

    @property
    def flops(self) -> int:
        """Of an element: 1 for the mean, 3 for the variance, 4 for the result; of a row: 2 quotients, a sum, a root."""
        return self.rows * (8 * self.cols + 4)

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        column = self._tensor(self.cols)
        return *super().operands, column, column
