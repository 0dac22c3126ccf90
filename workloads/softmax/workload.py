"""The softmax of rows as a workload."""

from __future__ import annotations

from dataclasses import dataclass

from mlopt.workloads.rowwise.workload import Rowwise


@dataclass(frozen=True)
class Softmax(Rowwise):
    """y = exp(x - max x) / sum exp(x - max x) of each row of x, shape (rows, cols), in float32."""

    @property
    def flops(self) -> int:
        """Maximum, difference, exponential, sum and quotient; each counts as one operation an element."""
        return 5 * self.rows * self.cols
