"""What workloads that compute each row on its own share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from mlopt.protocols import TensorSpec
from mlopt.workloads.base import HALF_DTYPES, PortableWorkload, for_gpus, one_of, positive


@dataclass(frozen=True)
class Rowwise(PortableWorkload):
    """A function of each row of a matrix of shape (rows, cols), in float32, with a row as the result.

    Of narrower dtypes, the result is rounded once.
    """

    far_scale: ClassVar[float] = 64.0

    rows: int = 1024
    cols: int = 1024
    dtype: str = "f32"

    def __post_init__(self) -> None:
        positive(rows=self.rows, cols=self.cols)
        one_of("dtype", self.dtype, tuple(HALF_DTYPES))

    @property
    def least_bytes(self) -> int:
        return self.bytes

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return (self._tensor(self.rows, self.cols),)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (self._tensor(self.rows, self.cols),)

    @property
    def placeholders(self) -> Mapping[str, object]:
        if HALF_DTYPES[self.dtype] != "float32":
            raise for_gpus(self.dtype)
        return super().placeholders

    def _tensor(self, *shape: int) -> TensorSpec:
        return TensorSpec(shape, HALF_DTYPES[self.dtype])
