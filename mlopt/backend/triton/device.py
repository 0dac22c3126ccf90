"""Kernels on a GPU of this machine, called on the CPU's buffers and timed by the GPU's own clock."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ...core.errors import CompileError, WrongResult, summary
from ...core.tensors import to_numpy, to_torch
from ...protocols import Array

SCRATCH_BYTES = 256 << 20
"""More than the second cache of any GPU holds."""

LOST = 70
"""Exit code of a process whose GPU refuses all further work."""

Launch = Callable[[Sequence[Any]], Sequence[Any]]
"""From tensors on a device to new ones there."""


class Device(Protocol):
    """Where tensors are, and what takes the time of what is done to them."""

    @property
    def name(self) -> str:
        """As PyTorch calls it."""

    def timed(self, call: Callable[[], Sequence[Any]]) -> tuple[Sequence[Any], float]:
        """What a call returns, and the seconds that it took; it finds the caches filled with something else."""

    def lost(self) -> bool:
        """Whether an error has made it useless to this process, as those of CUDA that are called sticky do."""


class Cuda:
    """The GPU that is PyTorch's current one: NVIDIA's, or AMD's under the same name."""

    name = "cuda"

    def timed(self, call: Callable[[], Sequence[Any]]) -> tuple[Sequence[Any], float]:
        import torch

        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        self._scratch.zero_()  # while it is at that, the launch is on its way
        begin.record()
        results = call()
        end.record()
        end.synchronize()
        return results, begin.elapsed_time(end) / 1e3

    def lost(self) -> bool:
        import torch

        try:
            torch.cuda.synchronize()
        except RuntimeError:
            return True
        return False

    @functools.cached_property
    def _scratch(self) -> Any:
        import torch

        return torch.empty(SCRATCH_BYTES, dtype=torch.int8, device=self.name)


def use(identity: str) -> None:
    """Make the GPU that the driver knows by this name PyTorch's current one."""
    import torch

    for number in range(torch.cuda.device_count()):
        if str(torch.cuda.get_device_properties(number).uuid) == identity.removeprefix("GPU-"):
            torch.cuda.set_device(number)


class DeviceKernel:
    """A function of tensors on a device, as a kernel of the buffers that programs on the CPU have."""

    def __init__(self, launch: Launch, device: Device) -> None:
        self._launch = launch
        self._device = device

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> DeviceCall:
        return DeviceCall(self._launch, self._device, inputs, outputs)

    def overhead(self) -> float:
        return 0.0

    def rest(self) -> None:
        """There are no threads."""


class DeviceCall:
    """A call: inputs are copied there, outputs back, and what is launched between is timed on the device."""

    def __init__(self, launch: Launch, device: Device, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        self._launch = launch
        self._device = device
        self._inputs = inputs
        self._outputs = outputs
        self._seconds = 0.0

    def __call__(self) -> None:
        """Raises CompileError where the device refuses the launch; where it refuses all others too, ends the process.

        Raises WrongResult for outputs of other shapes or dtypes.
        """
        given = [to_torch(array).to(self._device.name, copy=True) for array in self._inputs]
        tensors = [tensor.clone() for tensor in given]
        try:
            results, seconds = self._device.timed(lambda: self._launch(tensors))
        except Exception as error:
            if self._device.lost():
                os._exit(LOST)
            raise CompileError(f"the launch failed: {summary(error)}") from error
        self._seconds += seconds
        self._fetch(results)
        for array, before, after in zip(self._inputs, given, tensors, strict=True):
            if not _bits(before).equal(_bits(after)):
                array[...] = to_numpy(after.cpu())

    def elapsed(self) -> float:
        """Seconds on the device of all calls since this was asked last."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def _fetch(self, results: Sequence[Any]) -> None:
        arrays = [to_numpy(result.cpu().contiguous()) for result in results]
        if [(a.shape, a.dtype) for a in arrays] != [(o.shape, o.dtype) for o in self._outputs]:
            found = ", ".join(f"{a.dtype}{list(a.shape)}" for a in arrays)
            raise WrongResult(f"the launcher returned {found}")
        for output, array, result in zip(self._outputs, arrays, results, strict=True):
            output[...] = array
            # Its memory may be given to the next call, which must not find the answer there.
            result.fill_(math.nan if result.is_floating_point() else 0)


def _bits(tensor: Any) -> Any:
    """A tensor's memory, since not all dtypes can be compared."""
    import torch

    return tensor.flatten().view(torch.uint8)
