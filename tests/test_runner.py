"""One trial: what is done under which right, and what becomes of whatever is raised."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from doubles import ToyBackend, ToyDevices, ToyEvaluator, leaves_a_thread_behind, silent, stands

from mlopt.backend.triton.device import DeviceKernel
from mlopt.core.errors import CompileError, InvalidSchedule, UserError, WrongResult
from mlopt.core.recorded import RecordedProgram
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Failed, Measurement, Status, Trial
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.stillness import is_still
from mlopt.executor.worker import Worker
from mlopt.protocols import Backend, Evaluator, Workload
from mlopt.runner import Export, Naive, Outcome, TrialWork
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("own_device")
MATMUL = Matmul(3, 5, 4)
SCHEDULE = Schedule.of({"number": 0})


def trial(backend: Backend = ToyBackend(), evaluator: Evaluator = ToyEvaluator()) -> Outcome:  # noqa: B008
    return TrialWork(MATMUL, backend, evaluator, SCHEDULE, best=2.0)()


def failing(error: BaseException) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise error

    return fail


class Measured(ToyEvaluator):
    """Finds what it is given."""

    def __init__(self, measurement: Measurement) -> None:
        object.__setattr__(self, "measurement", measurement)

    def evaluate(self, *arguments: Any) -> Measurement:
        found: Measurement = vars(self)["measurement"]
        return found


STATUSES = [
    (InvalidSchedule("tile=3"), Status.INVALID),
    (CompileError("lower: no"), Status.COMPILE_ERROR),
    (WrongResult("output 0"), Status.WRONG_RESULT),
    (MemoryError(), Status.OUT_OF_MEMORY),
    (ZeroDivisionError("a bug"), Status.CRASH),
]


@pytest.mark.parametrize(("error", "status"), STATUSES, ids=lambda value: type(value).__name__)
def test_what_building_raises_becomes_a_status(error: Exception, status: Status) -> None:
    outcome = trial(ToyBackend(faults=(failing(error),)))
    assert outcome.status is status
    assert outcome.error == f"{type(error).__name__}: {error}".strip()
    assert outcome.measurement == Measurement()
    assert outcome.compile_seconds is None


@pytest.mark.parametrize(("error", "status"), STATUSES, ids=lambda value: type(value).__name__)
def test_what_evaluating_raises_becomes_a_status(error: Exception, status: Status) -> None:
    outcome = trial(evaluator=ToyEvaluator(act=failing(error)))
    assert outcome.status is status
    assert outcome.measurement == Measurement()


@pytest.mark.parametrize("stage", ["make_ready", "build", "act"])
def test_a_mistake_of_the_users_is_no_trial_that_failed(stage: str) -> None:
    mistake = failing(UserError("no such file"))
    backend = ToyBackend(faults=(mistake,)) if stage == "build" else ToyBackend()
    evaluator = ToyEvaluator() if stage == "build" else ToyEvaluator(**{stage: mistake})  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no such file"):
        trial(backend, evaluator)


def test_a_process_in_which_a_wrong_kernel_goes_on_is_not_used_again() -> None:
    worker = Worker()
    try:
        for make in (silent, leaves_a_thread_behind):
            before = worker.run(os.getpid, 60.0)
            work = TrialWork(MATMUL, ToyBackend(make=make), Execution(seconds=0.005), SCHEDULE, best=None)
            assert worker.run(work, 60.0).status is Status.WRONG_RESULT
            assert (worker.run(os.getpid, 60.0) == before) is (make is silent)
            assert worker.run(is_still, 60.0)
    finally:
        worker.close()


def test_an_error_is_told_in_one_line_of_bounded_length() -> None:
    outcome = trial(ToyBackend(faults=(failing(CompileError("first\n  second\n" + "x" * 5000)),)))
    assert outcome.error.startswith("CompileError: first second xxx")
    assert len(outcome.error) == 1000


def test_a_sound_trial_has_its_measurement_and_the_seconds_of_each_stage() -> None:
    outcome = trial(evaluator=ToyEvaluator(executes=True))
    assert outcome.status is Status.OK
    assert outcome.measurement.seconds == 1.0
    assert outcome.metrics == {"parse_seconds": 0.25, "lower_seconds": 0.5, "to_beat": 2.0}
    assert outcome.compile_seconds is not None
    assert 0.0 < outcome.compile_seconds < 60.0
    assert outcome.error == ""


def test_what_was_built_and_found_wrong_keeps_the_seconds_of_its_stages() -> None:
    outcome = trial(evaluator=ToyEvaluator(act=failing(WrongResult("output 0"))))
    assert outcome.metrics == {"parse_seconds": 0.25, "lower_seconds": 0.5}
    assert outcome.compile_seconds is not None


@pytest.mark.parametrize(
    "measurement",
    [
        Measurement(float("nan")),
        Measurement(1.0, samples=(1.0, float("inf"))),
        Measurement(1.0, metrics={"flops_per_second": float("inf")}),
    ],
)
def test_a_number_that_is_none_does_not_pass_for_a_measurement(measurement: Measurement) -> None:
    outcome = trial(evaluator=Measured(measurement))
    assert outcome.status is Status.CRASH
    assert outcome.measurement == Measurement()


def test_it_says_when_it_began_and_ended_in_utc() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    outcome = trial()
    started, finished = map(datetime.fromisoformat, (outcome.started, outcome.finished))
    assert before <= started <= finished <= datetime.now(UTC)


def test_the_work_and_its_outcome_can_be_sent_to_another_process() -> None:
    work = pickle.loads(pickle.dumps(TrialWork(MATMUL, ToyBackend(), ToyEvaluator(), SCHEDULE, 0.5)))
    assert pickle.loads(pickle.dumps(work())).measurement.metrics == {"cost": 1.0, "to_beat": 0.5}


def note(file: Path) -> None:
    file.write_text(stands())


@pytest.mark.parametrize(("executes", "how"), [(True, "alone"), (False, "shared")])
def test_it_compiles_beside_others_and_takes_time_alone(tmp_path: Path, executes: bool, how: str) -> None:
    built, evaluated = tmp_path / "built", tmp_path / "evaluated"
    backend = ToyBackend(faults=(functools.partial(note, built),))
    trial(backend, ToyEvaluator(executes, act=functools.partial(note, evaluated)))
    assert built.read_text() == "shared"
    assert evaluated.read_text() == how
    assert stands() == ""


def test_on_one_of_several_devices_it_takes_time_beside_others_who_have_other_ones() -> None:
    backend = ToyDevices()

    def meanwhile() -> None:
        assert stands() == "shared"
        inner = ToyDevices()
        assert trial(inner, ToyEvaluator(executes=True)).status is Status.OK
        assert inner.noted.read_text() == "second"

    assert trial(backend, ToyEvaluator(executes=True, act=meanwhile)).status is Status.OK
    assert trial(backend, ToyEvaluator(executes=True)).status is Status.OK
    assert backend.noted.read_text() == "first"


@pytest.mark.parametrize(("backend", "most"), [(ToyBackend(thread_count=3), 3), (ToyDevices(thread_count=3), None)])
def test_threads_are_counted_where_kernels_compute_on_them(backend: ToyBackend, most: int | None) -> None:
    found: list[int | None] = []

    class Bounded(ToyEvaluator):
        def bounded(self, threads: int | None) -> Evaluator:
            found.append(threads)
            return self

    assert trial(backend, Bounded(executes=True)).status is Status.OK
    assert found == [most]


def test_what_evaluations_share_is_made_beside_others_and_not_counted_towards_the_deadline(tmp_path: Path) -> None:
    file = tmp_path / "prepared"
    trial(evaluator=ToyEvaluator(executes=True, make_ready=functools.partial(note, file)))
    assert file.read_text() == "shared"
    work = TrialWork(MATMUL, ToyBackend(), ToyEvaluator(make_ready=functools.partial(time.sleep, 2.0)), SCHEDULE, None)
    with contextlib.closing(Worker(["doubles", "mlopt.runner"])) as worker:
        assert worker.run(work, 1.0).status is Status.OK


def test_what_preparing_raises_becomes_a_status() -> None:
    outcome = trial(evaluator=ToyEvaluator(make_ready=failing(ZeroDivisionError("a bug"))))
    assert (outcome.status, outcome.error) == (Status.CRASH, "ZeroDivisionError: a bug")


def test_the_device_is_free_again_after_a_failure() -> None:
    trial(ToyBackend(faults=(failing(CompileError("no")),)))
    trial(evaluator=ToyEvaluator(executes=True, act=failing(WrongResult("no"))))
    assert stands() == ""


def test_the_real_evaluator_fits_in() -> None:
    assert trial(evaluator=Execution(seconds=0.01)).status is Status.OK
    assert trial(ToyBackend(make=silent), Execution()).status is Status.WRONG_RESULT


def test_the_naive_program_is_timed_by_one_call() -> None:
    assert 0.0 < Naive(MATMUL, ToyBackend())() < 60.0


class LateAtFirst:
    """A device on which the first launch takes long."""

    name = "cpu"

    def __init__(self) -> None:
        self.launches = 0

    def timed(self, call: Callable[[], Any]) -> tuple[Any, float]:
        self.launches += 1
        return call(), 9.0 if self.launches == 1 else 0.25

    def clocks(self) -> dict[str, float]:
        return {}


def test_on_a_device_its_first_launch_does_not_count() -> None:
    class Launching(ToyDevices):
        def build(self, workload: Workload, schedule: Schedule | None) -> Any:
            kernel = DeviceKernel(lambda tensors: (tensors[0] @ tensors[1],), LateAtFirst())  # type: ignore[arg-type]
            return SimpleNamespace(load=lambda: kernel)

    assert Naive(MATMUL, Launching())() == 0.25


def test_export_writes_into_the_folder(tmp_path: Path) -> None:
    Export(MATMUL, ToyBackend(), SCHEDULE, tmp_path / "best")()
    assert json.loads((tmp_path / "best" / "record.json").read_text())


@dataclass(frozen=True)
class Remembers(ToyBackend):
    """Has built everything before."""

    def build(self, workload: Workload, schedule: Schedule | None) -> Any:
        return RecordedProgram(Trial(0, SCHEDULE, Status.OK, 1.0, compile_seconds=3.5))


class Replays(ToyEvaluator):
    """Finds nothing, whatever is built."""

    def evaluate(self, *arguments: Any) -> Measurement:
        if self.act is not None:
            self.act()
        return Measurement()


@pytest.mark.parametrize("failure", [None, Failed(Status.TIMEOUT, "as it was")])
def test_a_recorded_program_took_as_long_to_build_as_it_did_then(failure: Failed | None) -> None:
    outcome = trial(Remembers(), Replays(act=failing(failure) if failure else None))
    assert outcome.compile_seconds == 3.5


def test_a_failure_that_says_its_status_is_told_word_for_word() -> None:
    outcome = trial(evaluator=ToyEvaluator(act=failing(Failed(Status.TIMEOUT, "as it was"))))
    assert (outcome.status, outcome.error) == (Status.TIMEOUT, "as it was")
