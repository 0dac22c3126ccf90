"""PyTorch on a device as a baseline; the device is the CPU with a clock of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from doubles import ToyDevices

from mlopt.backend.triton.device import DeviceKernel
from mlopt.core.errors import CompileError, UserError, WrongResult
from mlopt.evaluator.timing import take
from mlopt.finals.contender import Skipped
from mlopt.finals.device_pytorch import DevicePytorchContender
from mlopt.protocols import Kernel
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("own_device")
WORKLOAD = Matmul(16, 16, 16)
SECONDS = 1e-3


class Clocked:
    name = "cpu"

    def timed(self, call: Callable[[], Sequence[Any]]) -> tuple[Sequence[Any], float]:
        return call(), SECONDS

    def clocks(self) -> dict[str, float]:
        return {}

    def lost(self) -> bool:
        return False

    def release(self) -> None:
        """There is nothing."""


class OnClock(ToyDevices):
    """Whose device is the CPU."""

    def on_device(self, function: Callable[..., Any]) -> Kernel:
        return DeviceKernel(lambda tensors: (function(*tensors),), Clocked())


def contender(workload: Matmul = WORKLOAD) -> DevicePytorchContender:
    return DevicePytorchContender(workload, OnClock(), False, "warm")


def test_it_is_checked_and_timed_by_the_devices_clock() -> None:
    prepared = contender().prepare()
    place = prepared.place()
    assert take(itertools.cycle(place.calls), 1, observer=place, clock=prepared.clock) == SECONDS
    prepared.verify()


def test_a_wrong_function_has_no_time() -> None:
    class Shifted(Matmul):
        def eager(self) -> Callable[..., Any]:
            return lambda a, b: a @ b + 1

    with pytest.raises(WrongResult):
        contender(Shifted(16, 16, 16)).prepare()


def test_a_workload_without_a_function_has_no_such_baseline() -> None:
    class Nothing(Matmul):
        def eager(self) -> Callable[..., Any]:
            raise UserError("there is none")

    with pytest.raises(Skipped, match="there is none"):
        contender(Nothing(16, 16, 16)).prepare()


def test_a_library_of_several_computes_it_alone_or_says_that_it_cannot() -> None:
    workload = Attention(1, 2, 2, 16, seq=8, kv_seq=8)
    flash, cudnn = (DevicePytorchContender(workload, OnClock(), False, "warm", name) for name in workload.libraries)
    assert [flash.name, cudnn.name] == ["torch_flash", "torch_cudnn"]
    flash.prepare().verify()
    with pytest.raises(CompileError, match="the launch failed"):
        cudnn.prepare()
