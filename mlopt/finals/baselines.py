"""Whom the finalists of a study meet: the naive program, PyTorch on the device that they run on, also by each library
alone where it has several, and what the compiler's own tuner chooses."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.schedule import Schedule
from ..protocols import Backend, DeviceBackend, Inputs, LibraryWorkload, TunedBackend, Workload
from .contender import Contender, KernelContender
from .device_pytorch import DevicePytorchContender
from .pytorch import PytorchContender
from .tuner import TunerContender

NAIVE = "naive"


def with_baselines(
    finalists: Mapping[str, Schedule], workload: Workload, backend: Backend, inputs: Inputs, limited: bool
) -> list[Contender]:
    """All contenders in the order in which they get ready; `finalists` by their names, the most promising first.

    Who takes longest begins; but where time is `limited`, and not all may be ready in time, who matters most.
    """
    first, *others = (KernelContender(name, backend, workload, each, inputs) for name, each in finalists.items())
    naive = KernelContender(NAIVE, backend, workload, None, inputs)
    eager, compiled = (pytorch(workload, backend, inputs, compiled) for compiled in (False, True))
    alone = libraries(workload, backend, inputs)
    tuner = [TunerContender(workload, backend, inputs)] if isinstance(backend, TunedBackend) else []
    if limited:
        return [first, naive, eager, *alone, *others, *tuner, compiled]
    return [compiled, *tuner, eager, *alone, first, *others, naive]


def pytorch(workload: Workload, backend: Backend, inputs: Inputs, compiled: bool) -> Contender:
    """The workload as PyTorch's users write it, by `torch.compile` if `compiled`."""
    if isinstance(backend, DeviceBackend):
        return DevicePytorchContender(workload, backend, compiled, inputs)
    return PytorchContender(workload, backend.thread_count, compiled, inputs)


def libraries(workload: Workload, backend: Backend, inputs: Inputs) -> list[Contender]:
    """PyTorch on a device by each library alone, where it has several for the workload."""
    if not (isinstance(backend, DeviceBackend) and isinstance(workload, LibraryWorkload)):
        return []
    return [DevicePytorchContender(workload, backend, False, inputs, name) for name in workload.libraries]
