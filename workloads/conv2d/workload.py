"""The convolution of images as a workload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from mlopt.protocols import TensorSpec
from mlopt.workloads.base import FolderWorkload, one_of, positive, tensor, windows

FILTER_LAYOUTS = {"nchw": "fchw", "nhwc": "hwcf"}
"""An image's layout to that of the filters which goes with it."""


@dataclass(frozen=True)
class Conv2d(FolderWorkload):
    """n images of c channels, h by w, with f filters of kh by kw, `stride` apart, in float32; no padding.

    Shapes: (n, c, h, w) with (f, c, kh, kw) in layout nchw, (n, h, w, c) with (kh, kw, c, f) in layout nhwc.
    """

    n: int = 1
    c: int = 64
    h: int = 56
    w: int = 56
    f: int = 64
    kh: int = 3
    kw: int = 3
    stride: int = 1
    layout: str = "nchw"

    def __post_init__(self) -> None:
        positive(n=self.n, c=self.c, h=self.h, w=self.w, f=self.f, kh=self.kh, kw=self.kw, stride=self.stride)
        one_of("layout", self.layout, tuple(FILTER_LAYOUTS))
        windows(self.h, self.kh, self.stride)
        windows(self.w, self.kw, self.stride)

    @property
    def flops(self) -> int:
        return 2 * prod(self.outputs[0].shape) * self.c * self.kh * self.kw

    @property
    def least_flops(self) -> int:
        """A product for each pixel and channel, which minimal filtering comes near to (Winograd 1980: m outputs of a
        filter of r taps need m + r - 1 products); half, as of any product of matrices."""
        return prod(self.outputs[0].shape) * self.c

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        filters = {"f": self.f, "c": self.c, "h": self.kh, "w": self.kw}
        shape = tuple(filters[letter] for letter in FILTER_LAYOUTS[self.layout])
        return self._image(self.c, self.h, self.w), TensorSpec(shape, "float32")

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (self._image(self.f, windows(self.h, self.kh, self.stride), windows(self.w, self.kw, self.stride)),)

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {"stride": self.stride, "layout": self.layout}

    @property
    def placeholders(self) -> Mapping[str, object]:
        return {
            "convolution": f"linalg.conv_2d_{self.layout}_{FILTER_LAYOUTS[self.layout]}",
            "image": tensor(self.operands[0].shape),
            "filters": tensor(self.operands[1].shape),
            "result": tensor(self.outputs[0].shape),
            "stride": self.stride,
        }

    def _image(self, channels: int, height: int, width: int) -> TensorSpec:
        sizes = {"n": self.n, "c": channels, "h": height, "w": width}
        return TensorSpec(tuple(sizes[letter] for letter in self.layout), "float32")
