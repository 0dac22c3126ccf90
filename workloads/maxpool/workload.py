"""The maximum over windows as a workload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np

from mlopt.protocols import Array, TensorSpec
from mlopt.workloads.base import FolderWorkload, positive, tensor, windows


@dataclass(frozen=True)
class Maxpool(FolderWorkload):
    """Maxima of windows of k by k, `stride` apart, of images of shape (n, c, h, w), in float32; no padding."""

    n: int = 16
    c: int = 64
    h: int = 56
    w: int = 56
    k: int = 3
    stride: int = 2

    def __post_init__(self) -> None:
        positive(**asdict(self))
        windows(self.h, self.k, self.stride)
        windows(self.w, self.k, self.stride)

    @property
    def flops(self) -> int:
        return prod(self.outputs[0].shape) * self.k * self.k

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec((self.n, self.c, self.h, self.w), "float32"),)

    def far_inputs(self, rng: np.random.Generator) -> tuple[Array, ...]:
        """Images that are all far below zero."""
        (image,) = self.inputs(rng, "uniform")
        return (-np.float32(1000.0) * (image + 1),)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        high, wide = windows(self.h, self.k, self.stride), windows(self.w, self.k, self.stride)
        return (TensorSpec((self.n, self.c, high, wide), "float32"),)

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {"k": self.k, "stride": self.stride}

    @property
    def placeholders(self) -> Mapping[str, object]:
        return {
            "image": tensor(self.operands[0].shape),
            "window": tensor((self.k, self.k)),
            "result": tensor(self.outputs[0].shape),
            "stride": self.stride,
        }
