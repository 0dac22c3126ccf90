"""Kernels called on a device, which here is the CPU with a clock of its own, since no GPU can be counted on."""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from mlopt.backend.triton.device import LOST, DeviceKernel
from mlopt.backend.triton.roofline import measure
from mlopt.core.errors import CompileError, WrongResult
from mlopt.evaluator.correctness import TIMED, case, empty
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.timing import of_a_device, take
from mlopt.workloads.add.workload import Add

WORKLOAD = Add((40, 5))


class Clocked:
    """The CPU, where everything takes `seconds`."""

    name = "cpu"

    def __init__(self, seconds: float = 0.25, broken: bool = False) -> None:
        self.seconds, self.broken, self.calls, self.released = seconds, broken, 0, 0

    def timed(self, call: Callable[[], Sequence[Any]]) -> tuple[Sequence[Any], float]:
        self.calls += 1
        return call(), self.seconds

    def clocks(self) -> Mapping[str, float]:
        return {"sm_hertz": 1e9 + self.calls}

    def lost(self) -> bool:
        return self.broken

    def release(self) -> None:
        self.released += 1


def add(tensors: Sequence[Any]) -> Sequence[Any]:
    return (tensors[0] + tensors[1],)


def test_a_call_computes_on_the_buffers_and_takes_the_devices_time() -> None:
    kernel, timed = DeviceKernel(add, Clocked(0.25)), case(WORKLOAD, 0, TIMED)
    outputs = [empty(spec) for spec in WORKLOAD.outputs]
    timed.check(kernel, outputs)
    call = kernel.bind(timed.inputs, outputs)
    call()  # nobody times this one
    assert take(itertools.cycle([call]), 4, clock=of_a_device) == 0.25
    assert call.elapsed() == 0.0


def test_what_is_done_between_calls_is_not_timed() -> None:
    calls = [DeviceKernel(add, Clocked(seconds)).bind(*_buffers()) for seconds in (0.1, 0.3)]
    turns = itertools.cycle([calls[0], lambda: None, calls[1], lambda: None])
    assert take(turns, 4, clock=of_a_device) == pytest.approx(0.1)


def _buffers() -> tuple[Sequence[Any], Sequence[Any]]:
    return case(WORKLOAD, 0, TIMED).inputs, [empty(spec) for spec in WORKLOAD.outputs]


def test_an_evaluation_watches_what_runs_on_a_device_and_reports_its_clock() -> None:
    class Program:
        ir, stage_seconds = "", {}

        def load(self) -> DeviceKernel:
            return DeviceKernel(add, device)

    device = Clocked(2e-3)
    found = Execution().bounded(None).evaluate(Program(), WORKLOAD, None)
    assert found.seconds == pytest.approx(2e-3)
    assert device.calls > len(found.samples)
    assert 1e9 < found.metrics["sm_hertz"] <= 1e9 + device.calls
    assert not {"drift", "cycles", "joules", "peak_memory_bytes"} & found.metrics.keys()
    assert device.released > 0


def test_inputs_that_are_written_to_are_noticed() -> None:
    def spoil(tensors: Sequence[Any]) -> Sequence[Any]:
        results = add(tensors)
        tensors[1][3, 3] += 1
        return results

    with pytest.raises(WrongResult, match="wrote to input 1"):
        case(WORKLOAD, 0, TIMED).check(DeviceKernel(spoil, Clocked()), [empty(spec) for spec in WORKLOAD.outputs])


def test_memory_of_an_earlier_answer_holds_it_no_longer() -> None:
    kept: list[Any] = []

    def lazy(tensors: Sequence[Any]) -> Sequence[Any]:
        if not kept:
            kept.extend(add(tensors))
        return kept

    timed, outputs = case(WORKLOAD, 0, TIMED), [empty(spec) for spec in WORKLOAD.outputs]
    kernel = DeviceKernel(lazy, Clocked())
    timed.check(kernel, outputs)
    with pytest.raises(WrongResult):
        timed.check(kernel, outputs)


def test_results_of_another_shape_are_wrong() -> None:
    with pytest.raises(WrongResult, match=r"returned float32\[200\]"):
        DeviceKernel(lambda tensors: (add(tensors)[0].reshape(-1),), Clocked()).bind(*_buffers())()


def refuse(tensors: Sequence[Any]) -> Sequence[Any]:
    raise RuntimeError("an illegal memory access\nand more")


def exhaust(tensors: Sequence[Any]) -> Sequence[Any]:
    import torch

    raise torch.OutOfMemoryError("tried to allocate 20 GiB")


def test_a_launch_that_is_refused_is_a_failed_compilation() -> None:
    with pytest.raises(CompileError, match="illegal memory access"):
        DeviceKernel(refuse, Clocked()).bind(*_buffers())()


def test_a_launch_that_finds_no_memory_is_out_of_memory() -> None:
    with pytest.raises(MemoryError, match="20 GiB"):
        DeviceKernel(exhaust, Clocked()).bind(*_buffers())()


def test_a_device_that_is_lost_takes_its_process_with_it_and_no_other() -> None:
    process = multiprocessing.get_context("fork").Process(
        target=DeviceKernel(refuse, Clocked(broken=True)).bind(*_buffers())
    )
    process.start()
    process.join(30)
    assert process.exitcode == LOST


def test_the_roofline_is_the_work_by_the_devices_time() -> None:
    found = measure(Clocked(0.5), size=64, copied=1000)
    assert found.flops_per_second == 2 * 64**3 / 0.5
    assert found.bytes_per_second == 2 * 1000 / 0.5


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn"])
def test_narrow_dtypes_come_and_go_as_they_are(dtype: str) -> None:
    kernel = DeviceKernel(lambda tensors: (2 * tensors[0].bfloat16(),), Clocked())
    given, output = np.arange(8).astype(dtype), np.zeros(8, "bfloat16")
    kernel.bind([given], [output])()
    assert (output == 2 * np.arange(8)).all()
