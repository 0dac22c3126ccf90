"""The element-wise sum as a workload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlopt.workloads.elementwise.workload import Elementwise


@dataclass(frozen=True)
class Add(Elementwise):
    """z = x + y, each of this shape."""

    shape: tuple[int, ...] = (16, 57, 57, 64)

    arity: ClassVar[int] = 2
