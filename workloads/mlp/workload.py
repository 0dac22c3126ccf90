"""The feed-forward block of a transformer as a workload."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from mlopt.protocols import Array, TensorSpec
from mlopt.workloads.base import HALF_DTYPES, PortableWorkload, one_of, positive, read_as_float32, returned


@dataclass(frozen=True)
class Mlp(PortableWorkload):
    """Y = gelu(X W1 + b1) W2 + b2 with GELU by its tanh formula, computed in float32.

    Shapes: X and Y (m, d_model), W1 (d_model, d_ff), b1 (d_ff,), W2 (d_ff, d_model), b2 (d_model,).
    """

    m: int = 512
    d_model: int = 768
    d_ff: int = 3072
    dtype: str = "f32"

    def __post_init__(self) -> None:
        positive(m=self.m, d_model=self.d_model, d_ff=self.d_ff)
        one_of("dtype", self.dtype, tuple(HALF_DTYPES))

    @property
    def flops(self) -> int:
        """Of the two products, the two sums with a bias, and 8 for each GELU."""
        return self.m * (4 * self.d_model * self.d_ff + 9 * self.d_ff + self.d_model)

    @property
    def least_flops(self) -> int:
        """Half of the products', as of any product of matrices."""
        return 2 * self.m * self.d_model * self.d_ff

    @property
    def least_bytes(self) -> int:
        return self.bytes

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        shapes = (
            (self.m, self.d_model),
            (self.d_model, self.d_ff),
            (self.d_ff,),
            (self.d_ff, self.d_model),
            (self.d_model,),
        )
        return tuple(TensorSpec(shape, HALF_DTYPES[self.dtype]) for shape in shapes)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec((self.m, self.d_model), HALF_DTYPES[self.dtype]),)

    def inputs(self, rng: np.random.Generator, distribution: str) -> tuple[Array, ...]:
        """Of float16, which ends at 65504, the weights are as small as those of a trained network."""
        x, w1, b1, w2, b2 = super().inputs(rng, distribution)
        if x.dtype == np.float16:
            w1, w2 = (w * np.float16(2.0 ** -round(math.log2(len(w)) / 2)) for w in (w1, w2))
        return x, w1, b1, w2, b2

    @property
    def placeholders(self) -> Mapping[str, object]:
        named = zip(self.operands, ("x", "w1", "b1", "w2", "b2"), strict=True)
        tensors = [read_as_float32(spec, name) for spec, name in named]
        return {**asdict(self), **dict(ChainMap(*map(dict, tensors))), **returned(self.outputs[0], "y")}
