"""The matrix product as a workload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mlopt.core.errors import UserError
from mlopt.protocols import TensorSpec
from mlopt.workloads.base import HALF_DTYPES, PortableWorkload, one_of, positive, read_as_float32, returned

FP8 = "float8_e4m3fn"
DTYPES = {**HALF_DTYPES, "tf32": "float32", "fp8": FP8, FP8: FP8}
"""tf32 is float32 of which products read 11 binary digits."""


@dataclass(frozen=True)
class Matmul(PortableWorkload):
    """C = A B with A of shape (m, k), B of shape (k, n), C of shape (m, n); sums are in float32.

    Of fp8, C is in bfloat16, and B is given as its transpose, of shape (n, k): matrix units read fp8 along k alone, and
    so do the vendor's libraries.
    """

    m: int = 512
    n: int = 512
    k: int = 512
    dtype: str = "f32"

    def __post_init__(self) -> None:
        positive(m=self.m, n=self.n, k=self.k)
        one_of("dtype", self.dtype, tuple(DTYPES))

    @property
    def flops(self) -> int:
        return 2 * self.m * self.n * self.k

    @property
    def least_flops(self) -> int:
        """Half: Strassen's algorithm saves an eighth of the products at each level, and pays after few levels only."""
        return self.flops // 2

    @property
    def least_bytes(self) -> int:
        return self.bytes

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        b = (self.n, self.k) if self._numpy == FP8 else (self.k, self.n)
        return TensorSpec((self.m, self.k), self._numpy), TensorSpec(b, self._numpy)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec((self.m, self.n), "bfloat16" if self._numpy == FP8 else self._numpy),)

    @property
    def parameters(self) -> Mapping[str, Any]:
        if self._numpy == FP8:
            return {"transposed": True}
        return {"tf32": True} if self.dtype == "tf32" else {}

    @property
    def placeholders(self) -> Mapping[str, object]:
        if self.dtype == "tf32":
            raise UserError("products of tf32 are computed on GPUs only, by backend=triton")
        a, b = self.operands
        tensors = {**read_as_float32(a, "a"), **read_as_float32(b, "b"), **returned(self.outputs[0], "c")}
        return {**asdict(self), **tensors}

    @property
    def _numpy(self) -> str:
        return DTYPES[self.dtype]
