"""What a device of its own changes in how a backend's programs are judged: right results are made there, and threads of
the CPU are not counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .executor import accelerator
from .protocols import Array, Backend, DeviceBackend, PortableWorkload, TensorSpec, Workload


def judged(workload: Workload, backend: Backend) -> Workload:
    """The workload as evaluators of this backend's programs are given it."""
    if isinstance(workload, PortableWorkload) and isinstance(backend, DeviceBackend):
        return OnDevice(workload, backend)
    return workload


def most_threads(backend: Backend) -> int | None:
    """CPU threads that a kernel of this backend may compute on; None: nobody counts, as where a device computes."""
    return None if isinstance(backend, DeviceBackend) else backend.thread_count


@dataclass(frozen=True)
class OnDevice:
    """A workload whose references a device makes, where those of a GPU's sizes take a second; CPUs need minutes.

    That is work for the device like any other: nobody takes time there meanwhile.
    """

    workload: Workload
    backend: DeviceBackend

    @property
    def name(self) -> str:
        return self.workload.name

    @property
    def flops(self) -> int:
        return self.workload.flops

    @property
    def bytes(self) -> int:
        return self.workload.bytes

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        return self.workload.operands

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self.workload.outputs

    @property
    def reference_files(self) -> Sequence[Path]:
        return self.workload.reference_files

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self.workload.parameters

    def source(self, language: str) -> str:
        return self.workload.source(language)

    def inputs(self, rng: np.random.Generator, distribution: str) -> tuple[Array, ...]:
        return self.workload.inputs(rng, distribution)

    def eager(self) -> Callable[..., Any]:
        return self.workload.eager()

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return self._computed(self.workload.reference, inputs)

    def tolerance(self, *inputs: Array) -> tuple[Array, ...]:
        return self._computed(self.workload.tolerance, inputs)

    def _computed(self, function: Callable[..., Sequence[Any]], inputs: Sequence[Array]) -> tuple[Array, ...]:
        with accelerator.held(self.backend.devices()) as device:
            return self.backend.computed(function, inputs, device)
