"""The batched matrix product as a workload."""

from __future__ import annotations

from dataclasses import dataclass

from mlopt.protocols import TensorSpec
from mlopt.workloads.base import positive
from mlopt.workloads.matmul.workload import Matmul


@dataclass(frozen=True)
class BatchMatmul(Matmul):
    """C = A B for each of b pairs: A of shape (b, m, k), B of shape (b, k, n), C of shape (b, m, n)."""

    b: int = 16
    m: int = 128
    n: int = 128
    k: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(b=self.b)

    @property
    def flops(self) -> int:
        return self.b * super().flops

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return tuple(TensorSpec((self.b, *t.shape), t.dtype) for t in super().operands)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return tuple(TensorSpec((self.b, *t.shape), t.dtype) for t in super().outputs)
