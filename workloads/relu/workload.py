"""The rectified linear unit as a workload."""

from __future__ import annotations

from dataclasses import dataclass

from mlopt.workloads.elementwise.workload import Elementwise


@dataclass(frozen=True)
class Relu(Elementwise):
    """y = max(x, 0), both of this shape."""

    shape: tuple[int, ...] = (16, 57, 57, 64)
