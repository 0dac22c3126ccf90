"""What takes part in the finals: verified first, then timed by turns."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from doubles import Sleeper, ToyBackend, Transposed, silent, stands

from mlopt.core.errors import WrongResult
from mlopt.core.schedule import Schedule
from mlopt.executor.worker import Worker
from mlopt.finals import contender as module
from mlopt.finals.contender import KernelContender, Prepare, Skipped, Turn
from mlopt.finals.pytorch import PytorchContender
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("own_device")
MATMUL = Matmul(16, 16, 16)
SCHEDULE = Schedule.of({"number": 0})


@pytest.fixture(autouse=True)
def nobody_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ready", {})


def turn(contender: module.Contender) -> Any:
    Prepare(contender)()
    return Turn(contender.name)()


def test_a_turn_is_many_calls_of_a_quick_contender() -> None:
    samples = turn(Sleeper("quick", 0.002))
    assert 2 <= len(samples) <= 1 + module.TURN_SECONDS / 0.002
    assert min(samples) >= 0.002


def test_a_turn_of_a_slow_contender_is_one_call_after_a_warm_up() -> None:
    assert len(turn(Sleeper("slow", 0.03))) == 1


def test_a_turn_of_a_very_slow_contender_is_its_first_call() -> None:
    calls: list[int] = []
    assert len(turn(Sleeper("very slow", 0.25, calling=functools.partial(calls.append, 1)))) == len(calls) == 1


def test_calls_too_fast_for_the_clock_are_timed_together() -> None:
    calls: list[int] = []
    samples = turn(Sleeper("nothing", calling=functools.partial(calls.append, 1)))
    assert len(calls) > 2 * len(samples)


def test_the_calls_overhead_is_subtracted_and_no_time_is_zero() -> None:
    assert max(turn(Sleeper("slow", 0.03, overhead=0.02))) < 0.03 <= min(turn(Sleeper("slow", 0.03)))
    assert min(turn(Sleeper("quick", overhead=1.0))) > 0.0


def test_a_turn_needs_a_process_that_was_prepared() -> None:
    with pytest.raises(RuntimeError, match="died between two turns"):
        Turn("quick")()


@pytest.mark.parametrize("schedule", [SCHEDULE, None])
def test_a_kernel_is_verified_before_it_is_timed(schedule: Schedule | None) -> None:
    assert min(turn(KernelContender("trial 0", ToyBackend(), MATMUL, schedule))) > 0.0
    with pytest.raises(WrongResult):
        KernelContender("trial 0", ToyBackend(make=silent), MATMUL, schedule).prepare()


def test_a_kernel_is_compiled_beside_others_and_the_device_is_free_in_the_end() -> None:
    entered: list[str] = []
    backend = ToyBackend(faults=(lambda: entered.append(stands()),))
    KernelContender("trial 0", backend, MATMUL, SCHEDULE).prepare()
    assert [*entered, stands()] == ["shared", ""]


class TestPytorch:
    @pytest.fixture(scope="class")
    @classmethod
    def worker(cls) -> Iterator[Worker]:
        """Where PyTorch is loaded, once, and where there is no compiler."""
        worker = Worker(["torch", "mlopt.finals.pytorch"], environment={"PATH": ""})
        yield worker
        worker.close()

    def test_is_timed_at_the_given_thread_count_and_without_gradients(self, worker: Worker) -> None:
        contender = PytorchContender(MATMUL, threads=1, compiled=False)
        worker.run(Prepare(contender), 60.0)
        assert min(worker.run(Turn(contender.name), 60.0)) > 0.0
        asked = "[torch.get_num_threads(), torch.is_inference_mode_enabled()]"
        assert worker.run(functools.partial(eval, asked.replace("torch", "__import__('torch')")), 60.0) == [1, True]

    def test_is_verified_too(self, worker: Worker) -> None:
        with pytest.raises(WrongResult):
            worker.run(Prepare(PytorchContender(Transposed(16, 16, 16), 1, False)), 60.0)

    def test_is_skipped_where_it_cannot_be_compiled(self, worker: Worker) -> None:
        with pytest.raises(Skipped, match=r"no C\+\+ compiler"):
            worker.run(Prepare(PytorchContender(MATMUL, 1, True)), 60.0)

    def test_is_skipped_where_it_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(Skipped, match="not installed"):
            PytorchContender(MATMUL, 1, False).prepare()
