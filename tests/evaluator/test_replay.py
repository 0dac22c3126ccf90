"""Measuring by remembering."""

from __future__ import annotations

import doubles
import pytest

from mlopt.core.errors import UserError
from mlopt.core.recorded import RecordedProgram
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Failed, Measurement, Status, Trial
from mlopt.evaluator.replay import Replay
from mlopt.protocols import Evaluator, Program, Workload
from mlopt.testing import EvaluatorContract
from mlopt.workloads.matmul.workload import Matmul

SCHEDULE = Schedule.of({"a": 1})
TIMED = Trial(0, SCHEDULE, Status.OK, 0.5, (0.25, 0.5), 2.0, {"power": 1.0})


class TestReplay(EvaluatorContract):
    def make(self) -> Evaluator:
        return Replay()

    def workload(self) -> Workload:
        return Matmul()

    def program(self) -> Program:
        return RecordedProgram(Trial(0, SCHEDULE, Status.OK, metrics={"cost": 3.0}))

    def wrong_program(self) -> Program:
        return RecordedProgram(Trial(0, SCHEDULE, Status.WRONG_RESULT, error="wrong"))


def test_a_measurement_is_as_recorded() -> None:
    found = Replay().evaluate(RecordedProgram(TIMED), Matmul(), best=0.1)
    assert found == Measurement(0.5, (0.25, 0.5), {"power": 1.0})


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_a_failure_is_as_recorded(status: Status) -> None:
    with pytest.raises(Failed) as failure:
        Replay().evaluate(RecordedProgram(Trial(0, SCHEDULE, status, error="as it was")), Matmul(), None)
    assert Status.of(failure.value) is status
    assert str(failure.value) == "as it was"


def test_a_program_that_was_built_just_now_is_a_mistake() -> None:
    with pytest.raises(UserError, match="experiment=replay"):
        Replay().evaluate(doubles.ToyProgram(doubles.right), Matmul(), None)
