"""Few of many programs are executed, those of low cost, and few of these are timed in full."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from doubles import Length, ToyProgram, right, silent

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Measurement, Status, Trial
from mlopt.evaluator.cascade import Cascade
from mlopt.evaluator.execution import Execution
from mlopt.protocols import Evaluator, Program, ScreeningEvaluator, Workload
from mlopt.testing import EvaluatorContract
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("own_device")
QUICK = Execution(seconds=0.002, precision=1.0)
FRESH = itertools.count(1)


def cascade(exact: Execution = QUICK, reduction: float = 4.0) -> Cascade:
    return Cascade(Length(), exact, reduction)


def new_workload() -> Workload:
    """One that no cascade has seen."""
    return Matmul(3, 4, next(FRESH))


def costing(cost: int) -> Program:
    return ToyProgram(right, ir="x" * cost)


class TestCascade(EvaluatorContract):
    def make(self) -> Evaluator:
        return cascade()

    def workload(self) -> Workload:
        return Matmul(7, 9, 37)

    def program(self) -> Program:
        return costing(3)

    def wrong_program(self) -> Program:
        return ToyProgram(silent, ir="xxx")


def test_it_screens() -> None:
    assert isinstance(cascade(), ScreeningEvaluator)
    assert not isinstance(QUICK, ScreeningEvaluator)


def test_until_a_program_has_been_executed_every_one_is() -> None:
    evaluator, workload = cascade(), new_workload()
    assert [evaluator.screen(costing(cost), workload, None) for cost in (5, 6, 7, 8)] == [None] * 4


def test_one_in_so_many_is_executed_and_it_is_those_of_low_cost() -> None:
    evaluator, workload = cascade(), new_workload()
    evaluator.evaluate(costing(50), workload, None)
    costs = np.random.default_rng(0).permutation(200) + 1
    executed = [cost for cost in costs if evaluator.screen(costing(int(cost)), workload, None) is None]
    assert 0.15 * len(costs) < len(executed) < 0.35 * len(costs)
    assert np.median(executed) < 50


def test_a_search_that_improves_has_no_more_of_its_programs_executed_for_ever() -> None:
    evaluator, workload = cascade(), new_workload()
    evaluator.evaluate(costing(500), workload, None)
    for cost in range(200):
        evaluator.screen(costing(500 + cost), workload, None)
    near = np.random.default_rng(0).integers(100, 120, 300)
    executed = [cost for cost in near if evaluator.screen(costing(int(cost)), workload, None) is None]
    assert len(executed) < 0.5 * len(near)


def test_what_is_not_executed_is_estimated_from_what_was_and_is_never_better() -> None:
    evaluator, workload = cascade(), new_workload()
    seconds = evaluator.evaluate(costing(10), workload, None).seconds
    assert seconds is not None
    assert evaluator.screen(costing(5), workload, None) is None
    for cost, factor in ((40, 4.0), (6, 1.0)):
        screened = evaluator.screen(costing(cost), workload, None)
        assert screened is not None
        assert screened.seconds is None
        assert screened.metrics == {"cost": cost, "estimated_seconds": pytest.approx(factor * seconds)}


def test_a_program_that_was_screened_is_not_asked_for_its_cost_again() -> None:
    asked: list[str] = []

    class Counting(Length):
        def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
            asked.append(program.ir)
            return super().evaluate(program, workload, best)

    evaluator, workload = Cascade(Counting(), QUICK), new_workload()
    for cost in (5, 3):
        program = costing(cost)
        assert evaluator.screen(program, workload, None) is None
        assert evaluator.evaluate(program, workload, None).metrics["cost"] == cost
    assert asked == ["xxxxx", "xxx"]
    assert evaluator.evaluate(costing(4), workload, None).metrics["cost"] == 4
    assert len(asked) == 3


def test_searches_see_estimates_as_seconds() -> None:
    metrics = {"cost": 7.0, "estimated_seconds": 2.0}
    assert Trial(0, Schedule(), Status.OK, metrics=metrics).objective == 2.0
    assert Trial(0, Schedule(), Status.OK, seconds=3.0, metrics=metrics).objective == 3.0
    assert Trial(0, Schedule(), Status.CRASH, metrics=metrics).objective is None


def test_an_estimate_is_no_result() -> None:
    metrics = {"cost": 7.0, "estimated_seconds": 2.0}
    assert Trial(0, Schedule(), Status.OK, metrics=metrics).reached is None
    assert Trial(0, Schedule(), Status.OK, seconds=3.0, metrics=metrics).reached == 3.0
    assert Trial(0, Schedule(), Status.OK, metrics={"cost": 7.0}).reached == 7.0
    assert Trial(0, Schedule(), Status.CRASH, metrics={"cost": 7.0}).reached is None


def test_only_the_fastest_are_timed_in_full() -> None:
    spent: list[float] = []

    class Noting(Execution):
        def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
            spent.append(self.seconds)
            return Measurement(float(program.ir), samples=(float(program.ir),))

    class Costs(Length):
        def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
            return Measurement(metrics={"cost": 1.0})

    evaluator, workload = Cascade(Costs(), Noting(seconds=1.6)), new_workload()

    def effort(seconds: int) -> list[float]:
        spent.clear()
        assert evaluator.evaluate(ToyProgram(right, ir=str(seconds)), workload, None).seconds == seconds
        return spent

    assert effort(5) == pytest.approx([0.1, 0.4, 1.6])
    for seconds in (6, 7, 8):
        assert effort(seconds) == pytest.approx([0.1])
    assert effort(4) == pytest.approx([0.1, 0.4, 1.6])


@pytest.mark.parametrize("reduction", [1.0, 0.0, float("nan")])
def test_a_reduction_that_reduces_nothing_is_a_mistake(reduction: float) -> None:
    with pytest.raises(UserError, match="must be above 1"):
        cascade(reduction=reduction)


def test_what_executes_cannot_screen() -> None:
    with pytest.raises(UserError, match="executes nothing"):
        Cascade(QUICK, QUICK)


class Silent(Length):
    """Says nothing."""

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        return Measurement()


def test_a_program_of_no_cost_fails_alone_and_an_evaluator_that_tells_none_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="a call costs 0"):
        cascade().screen(costing(0), new_workload(), None)
    with pytest.raises(UserError, match="tells no cost"):
        Cascade(Silent(), QUICK).screen(costing(1), new_workload(), None)
