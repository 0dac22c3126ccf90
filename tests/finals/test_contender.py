"""What takes part in the finals: verified first, then timed by turns."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from doubles import (
    Function,
    PythonKernel,
    RightAtFirst,
    Sleeper,
    ToyBackend,
    Transposed,
    ceases_to_write_at_once,
    ceases_to_write_later,
    remembers,
    right,
    right_at_first,
    settles,
    silent,
    silent_on_known_inputs,
    stands,
    writes_to_copies,
)

from mlopt.core.errors import WrongResult
from mlopt.core.schedule import Schedule
from mlopt.executor.worker import Worker
from mlopt.finals import contender as module
from mlopt.finals import places
from mlopt.finals.contender import Contender, KernelContender, Prepare, Skipped, Turn, Verify
from mlopt.finals.pytorch import PytorchContender
from mlopt.protocols import Array
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.mlir_file.workload import MlirFile

pytestmark = pytest.mark.usefixtures("own_device")
MATMUL = Matmul(16, 16, 16)
SCHEDULE = Schedule.of({"number": 0})


@pytest.fixture(autouse=True)
def nobody_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ready", {})


def turn(contender: module.Contender) -> Any:
    Prepare(contender)()
    return Turn(contender.name)()


def timed_and_verified(name: str) -> None:
    Turn(name)()
    Verify(name)()


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


@pytest.mark.parametrize("work", [Turn, Verify])
def test_a_turn_needs_a_process_that_was_prepared(work: type[Turn | Verify]) -> None:
    with pytest.raises(RuntimeError, match="died between two turns"):
        work("quick")()


def test_outputs_are_spoilt_before_each_turn() -> None:
    events: list[str] = []
    turn(
        Sleeper(
            "slow",
            0.25,
            calling=functools.partial(events.append, "call"),
            poisoning=functools.partial(events.append, "poison"),
        )
    )
    assert events == ["poison", "call"]


def kernel(make: Callable[[], Function] = right, schedule: Schedule | None = SCHEDULE, **changes: Any) -> Contender:
    return KernelContender(
        **{
            "name": "trial 0",
            "backend": ToyBackend(make=make),
            "workload": MATMUL,
            "schedule": schedule,
            "inputs": "warm",
            **changes,
        }
    )


@pytest.mark.parametrize("schedule", [SCHEDULE, None])
def test_a_kernel_is_verified_before_it_is_timed_and_after(schedule: Schedule | None) -> None:
    assert min(turn(kernel(right, schedule))) > 0.0
    Verify("trial 0")()
    with pytest.raises(WrongResult):
        kernel(silent, schedule).prepare()


CHEATS = [
    ceases_to_write_at_once,
    ceases_to_write_later,
    remembers,
    right_at_first,
    settles,
    silent_on_known_inputs,
]


@pytest.mark.parametrize("make", CHEATS)
def test_a_kernel_that_is_right_only_until_it_is_timed_is_found_afterwards(make: Callable[[], Function]) -> None:
    Prepare(kernel(make))()
    with pytest.raises(WrongResult):
        timed_and_verified("trial 0")


def test_a_kernel_that_is_lazy_in_its_turns_alone_is_found() -> None:
    lazy, known = [False], np.zeros(0)

    def lazily() -> Function:
        def multiply(a: Array, b: Array, c: Array) -> None:
            nonlocal known
            if not lazy[0]:
                known = a @ b
            c[...] = known

        return multiply

    Prepare(kernel(lazily))()
    lazy[0] = True
    Turn("trial 0")()
    lazy[0] = False
    with pytest.raises(WrongResult, match="on other inputs in the same place"):
        Verify("trial 0")()


@pytest.mark.parametrize(("patience", "most", "least"), [(0.0, 1, 1), (60.0, 99, 9)])
def test_a_slow_contender_is_checked_by_one_call(
    patience: float, most: int, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(module, "PATIENCE_SECONDS", patience)
    turn(kernel(lambda: lambda a, b, c: (calls.append(1), np.matmul(a, b, out=c))[0]))
    calls.clear()
    Verify("trial 0")()
    assert least <= len(calls) <= most


def test_inputs_are_rotated_as_in_the_trials_and_each_set_is_verified() -> None:
    turn(kernel(writes_to_copies, inputs="warm"))
    Verify("trial 0")()
    Prepare(kernel(writes_to_copies, inputs="rotated"))()
    with pytest.raises(WrongResult, match="wrote to input 1"):
        timed_and_verified("trial 0")


def test_turns_go_on_with_the_next_set_of_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []

    def noting() -> Function:
        def multiply(a: Array, b: Array, c: Array) -> None:
            used.append(a.ctypes.data)
            np.matmul(a, b, out=c)

        return multiply

    prepared = kernel(noting, inputs="rotated").prepare()
    used.clear()
    for call in prepared.place().calls[:3]:
        call()
    assert len(set(used)) == 3


def test_turns_are_in_many_places_but_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[tuple[int, int]] = set()

    def noting() -> Function:
        def multiply(a: Array, b: Array, c: Array) -> None:
            used.add((a.ctypes.data, c.ctypes.data))
            np.matmul(a, b, out=c)

        return multiply

    monkeypatch.setattr(module, "TURN_SECONDS", 0.0)
    prepared = kernel(noting).prepare()
    for most in (1, places.MOST, places.MOST, places.MOST):
        used.clear()
        for _ in range(most):
            prepared.place().calls[0]()
        assert len(used) > most / 3
    assert len({a for a, _ in used}) == len({c for _, c in used}) == len(used) <= places.MOST


def test_what_is_large_has_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_BYTES", 4 * 3 * 16 * 16)
    prepared = kernel().prepare()
    assert prepared.place() is prepared.place()


def test_what_was_written_is_verified_in_every_place() -> None:
    written: list[Array] = []

    def spoiling() -> Function:
        def multiply(a: Array, b: Array, c: Array) -> None:
            np.matmul(a, b, out=c)
            if written and written[-1] is not c and len(written) > 3:
                written[-1][0, 0] = np.nan
            written.append(c)

        return multiply

    prepared = kernel(spoiling).prepare()
    for _ in range(2):
        prepared.place().calls[0]()
    prepared.verify()
    for _ in range(3):
        prepared.place().calls[0]()
    with pytest.raises(WrongResult, match="nan"):
        prepared.verify()


class Given:
    """A backend's program whose kernels the test keeps."""

    def __init__(self, make: Callable[[], Function]) -> None:
        self.function = make()
        self.kernels: list[PythonKernel] = []

    def load(self) -> PythonKernel:
        self.kernels.append(PythonKernel(self.function))
        return self.kernels[-1]


class Building(ToyBackend):
    def __init__(self, program: Given) -> None:
        object.__setattr__(self, "program", program)

    def build(self, *arguments: Any) -> Any:
        return vars(self)["program"]


def test_a_kernel_rests_between_preparation_and_turns_and_after_all() -> None:
    program = Given(right)
    turn(kernel(backend=Building(program)))
    checked, timed = program.kernels
    assert checked.bound[-1] is None
    assert timed.bound
    assert None not in timed.bound
    Verify("trial 0")()
    assert timed.bound[-1] is None


def test_a_kernel_that_is_found_wrong_at_first_rests_too() -> None:
    program = Given(silent)
    with pytest.raises(WrongResult):
        kernel(backend=Building(program)).prepare()
    assert program.kernels[-1].bound[-1] is None


def test_a_kernel_that_is_found_wrong_in_the_end_rests_too() -> None:
    program = Given(remembers)
    turn(kernel(backend=Building(program)))
    with pytest.raises(WrongResult):
        Verify("trial 0")()
    assert program.kernels[-1].bound[-1] is None


def test_a_kernel_is_compiled_and_its_reference_made_beside_others_and_the_device_is_free_in_the_end() -> None:
    entered: list[str] = []

    class Noting(Matmul):
        def inputs(self, *arguments: Any) -> tuple[Array, ...]:
            entered.append(stands())
            return super().inputs(*arguments)

    backend = ToyBackend(faults=(lambda: entered.append(stands()),))
    Prepare(kernel(backend=backend, workload=Noting(3, 4, 5)))()
    assert [*entered, stands()] == ["shared", "shared", "shared", ""]
    Turn("trial 0")()
    Verify("trial 0")()
    assert [*entered[3:], stands()] == ["shared", "alone", ""]


class TestPytorch:
    @pytest.fixture(scope="class")
    @classmethod
    def worker(cls) -> Iterator[Worker]:
        """Where PyTorch is loaded, once, and where there is no compiler."""
        worker = Worker(["torch", "mlopt.finals.pytorch"], environment={"PATH": ""})
        yield worker
        worker.close()

    def test_is_timed_at_the_given_thread_count_and_without_gradients(self, worker: Worker) -> None:
        contender = PytorchContender(MATMUL, threads=1, compiled=False, inputs="rotated")
        worker.run(Prepare(contender), 60.0)
        assert min(worker.run(Turn(contender.name), 60.0)) > 0.0
        asked = "[torch.get_num_threads(), torch.is_inference_mode_enabled()]"
        assert worker.run(functools.partial(eval, asked.replace("torch", "__import__('torch')")), 60.0) == [1, True]
        worker.run(Verify(contender.name), 60.0)

    def test_is_verified_too(self, worker: Worker) -> None:
        with pytest.raises(WrongResult):
            worker.run(Prepare(PytorchContender(Transposed(16, 16, 16), 1, False, "warm")), 60.0)

    @pytest.mark.parametrize("calls", [1, 2])
    def test_is_verified_again_when_it_was_timed(self, worker: Worker, calls: int) -> None:
        contender = PytorchContender(RightAtFirst(16, 16, 16, calls=calls), 1, False, "warm")
        worker.run(Prepare(contender), 60.0)
        worker.run(Turn(contender.name), 60.0)
        with pytest.raises(WrongResult):
            worker.run(Verify(contender.name), 60.0)

    def test_is_skipped_where_it_cannot_be_compiled(self, worker: Worker) -> None:
        with pytest.raises(Skipped, match=r"no C\+\+ compiler"):
            worker.run(Prepare(PytorchContender(MATMUL, 1, True, "warm")), 60.0)

    def test_is_skipped_where_it_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(Skipped, match="not installed"):
            PytorchContender(MATMUL, 1, False, "warm").prepare()

    def test_is_skipped_where_the_workload_has_no_equivalent(self, worker: Worker) -> None:
        program = MlirFile("program.mlir")
        for compiled in (False, True):
            contender = PytorchContender(program, 1, compiled, "warm")
            with pytest.raises(Skipped, match=r"no C\+\+ compiler" if compiled else "no equivalent in PyTorch"):
                worker.run(Prepare(contender), 60.0)
