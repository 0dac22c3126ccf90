"""The Gaussian error linear unit as a workload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlopt.workloads.elementwise.workload import Elementwise


@dataclass(frozen=True)
class Gelu(Elementwise):
    """y = x (1 + erf(x / sqrt 2)) / 2, both of this shape; an error function counts as one operation."""

    shape: tuple[int, ...] = (1024, 1024)

    flops_per_element: ClassVar[int] = 5
