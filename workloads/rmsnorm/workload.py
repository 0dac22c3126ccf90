"""Normalisation by the root mean square as a workload."""

from __future__ import annotations

from dataclasses import dataclass

from mlopt.protocols import TensorSpec
from mlopt.workloads.rowwise.workload import Rowwise


@dataclass(frozen=True)
class Rmsnorm(Rowwise):
    """y = x / sqrt(mean x^2 + 1e-5) gamma of each row of x, shape (rows, cols), in float32; gamma has shape (cols,)."""

    @property
    def flops(self) -> int:
        """Of an element: 2 for the mean square, 2 for the result; of a row: 2 quotients, a sum, a root."""
        return self.rows * (4 * self.cols + 4)

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return *super().operands, self._tensor(self.cols)
