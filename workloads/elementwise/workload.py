"""What workloads that compute each element on its own share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from mlopt.core.errors import UserError
from mlopt.protocols import TensorSpec
from mlopt.workloads.base import HALF_DTYPES, PortableWorkload, for_gpus, one_of, positive, tensor


@dataclass(frozen=True)
class Elementwise(PortableWorkload):
    """A function of the elements of tensors of one shape, in float32; a result of a narrower dtype is rounded once."""

    shape: tuple[int, ...]
    dtype: str = "f32"

    far_scale: ClassVar[float] = 64.0
    arity: ClassVar[int] = 1
    """Number of inputs."""
    flops_per_element: ClassVar[int] = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        if not self.shape:
            raise UserError("workload key shape=[] must hold at least one size")
        one_of("dtype", self.dtype, tuple(HALF_DTYPES))
        positive(**{f"shape[{number}]": size for number, size in enumerate(self.shape)})

    @property
    def flops(self) -> int:
        return self.flops_per_element * prod(self.shape)

    @property
    def least_bytes(self) -> int:
        return self.bytes

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return self.outputs * self.arity

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec(self.shape, HALF_DTYPES[self.dtype]),)

    @property
    def placeholders(self) -> Mapping[str, object]:
        if HALF_DTYPES[self.dtype] != "float32":
            raise for_gpus(self.dtype)
        return {
            "tensor": tensor(self.shape),
            "loops": ", ".join(f"d{number}" for number in range(len(self.shape))),
            "parallel": ", ".join(['"parallel"'] * len(self.shape)),
        }
