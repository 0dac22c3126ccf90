"""The feed-forward block of a transformer as a workload."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from mlopt.protocols import TensorSpec
from mlopt.workloads.base import FolderWorkload, positive


@dataclass(frozen=True)
class Mlp(FolderWorkload):
    """Y = gelu(X W1 + b1) W2 + b2 in float32, with GELU by its tanh formula.

    Shapes: X and Y (m, d_model), W1 (d_model, d_ff), b1 (d_ff,), W2 (d_ff, d_model), b2 (d_model,).
    """

    m: int = 512
    d_model: int = 768
    d_ff: int = 3072

    def __post_init__(self) -> None:
        positive(**asdict(self))

    @property
    def flops(self) -> int:
        """Of the two products, the two sums with a bias, and 8 for each GELU."""
        return self.m * (4 * self.d_model * self.d_ff + 9 * self.d_ff + self.d_model)

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        shapes = (
            (self.m, self.d_model),
            (self.d_model, self.d_ff),
            (self.d_ff,),
            (self.d_ff, self.d_model),
            (self.d_model,),
        )
        return tuple(TensorSpec(shape, "float32") for shape in shapes)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec((self.m, self.d_model), "float32"),)
