"""Where references are made; the device is the CPU."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
import pytest
from doubles import WAITS, Function, Holder, ToyBackend, ToyDevices, ToyEvaluator, right

from mlopt.backend.triton.device import computed
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status
from mlopt.evaluator.correctness import case
from mlopt.evaluator.execution import Execution
from mlopt.judging import OnDevice, judged, most_threads
from mlopt.protocols import Array, Workload
from mlopt.runner import TrialWork
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("own_device")
MATMUL = Matmul(7, 9, 5, "bf16")
SINGLE = Matmul(7, 9, 5)
SCHEDULE = Schedule.of({"number": 0})


def test_references_are_made_there_by_tensors_and_are_what_they_were() -> None:
    found = judged(MATMUL, ToyDevices())
    assert isinstance(found, OnDevice)
    inputs = found.inputs(np.random.default_rng(0), "normal")
    for there, here in ((found.reference, MATMUL.reference), (found.tolerance, MATMUL.tolerance)):
        (theirs,), (ours,) = there(*inputs), here(*inputs)
        assert isinstance(theirs, np.ndarray)
        np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(("workload", "backend"), [(Conv2d(), ToyDevices()), (MATMUL, ToyBackend())])
def test_where_there_is_no_device_or_none_that_can_they_are_made_here(workload: Workload, backend: ToyBackend) -> None:
    assert judged(workload, backend) is workload


def test_a_workload_is_known_again_so_that_its_references_are_made_once() -> None:
    found = judged(MATMUL, ToyDevices())
    again = pickle.loads(pickle.dumps(found))
    assert (again, hash(again)) == (found, hash(found))
    assert case(again, 3, 0) is case(found, 3, 0)


def test_threads_are_not_counted_where_a_device_computes() -> None:
    assert most_threads(ToyBackend(thread_count=3)) == 3
    assert most_threads(ToyDevices(thread_count=3)) is None


def off_by_one() -> Function:
    def add_one(a: Array, b: Array, c: Array) -> None:
        np.add(a @ b, 1, out=c)

    return add_one


@pytest.mark.parametrize(("make", "status"), [(right, Status.OK), (off_by_one, Status.WRONG_RESULT)])
def test_a_trial_is_judged_by_them(make: Callable[[], Function], status: Status) -> None:
    evaluator = Execution(seconds=0.01, seed=4)
    assert TrialWork(SINGLE, ToyDevices(make=make), evaluator, SCHEDULE, None)().status is status


def test_nobody_takes_time_on_the_device_meanwhile() -> None:
    class Busy(ToyDevices):
        def computed(
            self, function: Callable[..., Sequence[Any]], arrays: Sequence[Array], device: str
        ) -> tuple[Array, ...]:
            with Holder("", accelerators=[device]) as other:
                assert not other.holds(WAITS)
            return super().computed(function, arrays, device)

    found = judged(MATMUL, Busy())
    found.reference(*found.inputs(np.random.default_rng(0), "normal"))


def test_who_only_simulates_needs_no_device() -> None:
    class Nowhere(ToyDevices):
        def devices(self) -> NoReturn:
            raise AssertionError

    assert TrialWork(MATMUL, Nowhere(), ToyEvaluator(), SCHEDULE, None)().status is Status.OK


def test_what_cannot_be_done_on_a_device_is_done_here() -> None:
    import torch

    def crowded(x: Any) -> tuple[Any, ...]:
        if torch.is_tensor(x):
            raise torch.OutOfMemoryError
        return (2 * x,)

    (found,) = computed(crowded, [np.ones(3)], "cpu")
    assert found.tolist() == [2.0, 2.0, 2.0]
