"""Kernels on a GPU of this machine, called on the CPU's buffers and timed by the GPU's own clock."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ...core.errors import CompileError, WrongResult, summary
from ...core.tensors import stored, to_numpy, to_torch
from ...protocols import Array

LOST = 70
"""Exit code of a process whose GPU refuses all further work."""

RECENT = 64
"""Readings of clocks that are remembered."""
READING_SECONDS = 0.01
"""From one of them to the next, at least."""

Launch = Callable[[Sequence[Any]], Sequence[Any]]
"""From tensors on a device to new ones there."""


class Device(Protocol):
    """Where tensors are, and what takes the time of what is done to them."""

    @property
    def name(self) -> str:
        """As PyTorch calls it."""

    def timed(self, call: Callable[[], Sequence[Any]]) -> tuple[Sequence[Any], float]:
        """What a call returns, and the seconds that it took; it finds the caches filled with something else."""

    def clocks(self) -> Mapping[str, float]:
        """Those at which it runs now, in hertz, by metric, as far as anybody tells."""

    def lost(self) -> bool:
        """Whether an error has made it useless to this process, as those of CUDA that are called sticky do."""

    def release(self) -> None:
        """Give the memory back that nothing uses."""


def computed(function: Callable[..., Sequence[Any]], arrays: Sequence[Array], place: str) -> tuple[Array, ...]:
    """What a function makes of tensors at this place of PyTorch's; of arrays, where that cannot be done there."""

    try:
        results = function(*(to_torch(array).to(place) for array in arrays))
        return tuple(to_numpy(result.cpu()) for result in results)
    except Exception:  # no room, or a user's function makes tensors elsewhere; what else is wrong shows here again
        return tuple(function(*arrays))


class DeviceKernel:
    """A function of tensors on a device, as a kernel of the buffers that programs on the CPU have."""

    def __init__(self, launch: Launch, device: Device) -> None:
        self._launch = launch
        self._device = device
        self._readings: deque[Mapping[str, float]] = deque(maxlen=RECENT)
        self._next_reading = 0.0

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> DeviceCall:
        return DeviceCall(self._timed, self._device, inputs, outputs)

    def overhead(self) -> float:
        return 0.0

    def monitored(self) -> Mapping[str, float]:
        """The clocks after its last calls: of each the median, in hertz."""
        names = dict.fromkeys(name for reading in self._readings for name in reading)
        return {name: statistics.median(r[name] for r in self._readings if name in r) for name in names}

    def rest(self) -> None:
        """There are no threads, but memory."""
        self._device.release()

    def _timed(self, tensors: Sequence[Any]) -> tuple[Sequence[Any], float]:
        results, seconds = self._device.timed(lambda: self._launch(tensors))
        if (now := time.perf_counter()) >= self._next_reading:
            self._readings.append(self._device.clocks())
            self._next_reading = now + READING_SECONDS
        return results, seconds


class DeviceCall:
    """A call: inputs are copied there, outputs back, and what is launched between is timed on the device."""

    def __init__(
        self,
        timed: Callable[[Sequence[Any]], tuple[Sequence[Any], float]],
        device: Device,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
    ) -> None:
        self._timed = timed
        self._device = device
        self._inputs = inputs
        self._outputs = outputs
        self._seconds = 0.0

    def __call__(self) -> None:
        """Raises CompileError where the device refuses the launch; where it refuses all others too, ends the process.

        Raises MemoryError where it has no room, and WrongResult for outputs of other shapes or dtypes.
        """
        import torch

        try:
            self._carry_out()
        except WrongResult:
            raise
        except Exception as error:
            if self._device.lost():
                os._exit(LOST)
            if isinstance(error, torch.OutOfMemoryError):
                raise MemoryError(summary(error)) from error
            raise CompileError(f"the launch failed: {summary(error)}") from error

    def elapsed(self) -> float:
        """Seconds on the device of all calls since this was asked last."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def _carry_out(self) -> None:
        given = [to_torch(array).to(self._device.name, copy=True) for array in self._inputs]
        tensors = [tensor.clone() for tensor in given]
        results, seconds = self._timed(tensors)
        self._seconds += seconds
        self._fetch(results)
        for array, before, after in zip(self._inputs, given, tensors, strict=True):
            if not _bits(before).equal(_bits(after)):
                array[...] = to_numpy(after.cpu())

    def _fetch(self, results: Sequence[Any]) -> None:
        arrays = list(map(stored, results))
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
