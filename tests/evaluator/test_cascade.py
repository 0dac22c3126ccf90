"""Few of many programs are executed, those of low cost, and few of these are timed in full."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from doubles import Length, ToyBackend, ToyProgram, right, silent

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Measurement, Status, Trial
from mlopt.evaluator.cascade import Cascade, Informed
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.timing import Gate
from mlopt.protocols import Evaluator, LearningEvaluator, Program, ScreeningEvaluator, Workload
from mlopt.runner import TrialWork
from mlopt.testing import EvaluatorContract
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("own_device")
QUICK = Execution(seconds=0.002, precision=1.0)
MATMUL = Matmul(3, 4, 5)


def cascade(exact: Evaluator = QUICK, reduction: float = 4.0) -> Cascade:
    return Cascade(Length(), exact, reduction)


def costing(cost: int) -> Program:
    return ToyProgram(right, ir="x" * cost)


def trials(*found: tuple[float, float | None]) -> list[Trial]:
    """Of these costs and seconds; without seconds, estimated to be slow."""
    return [
        Trial(
            i, Schedule(), Status.OK, seconds, metrics={"cost": cost, **({} if seconds else {"estimated_seconds": 9.0})}
        )
        for i, (cost, seconds) in enumerate(found)
    ]


def is_executed(evaluator: Informed, cost: int) -> bool:
    return "estimated_seconds" not in evaluator.screen(costing(cost), MATMUL, 1.0)


class TestCascade(EvaluatorContract):
    def make(self) -> Evaluator:
        return cascade()

    def workload(self) -> Workload:
        return Matmul(7, 9, 37)

    def program(self) -> Program:
        return costing(3)

    def wrong_program(self) -> Program:
        return ToyProgram(silent, ir="xxx")


class TestInformed(TestCascade):
    def make(self) -> Evaluator:
        return cascade().informed(trials((1, 1e-6), (2, 3e-6)))


def test_it_screens() -> None:
    assert isinstance(cascade(), LearningEvaluator)
    assert isinstance(cascade().informed([]), ScreeningEvaluator)
    assert not isinstance(QUICK, ScreeningEvaluator)


def test_until_a_program_has_been_executed_every_one_is() -> None:
    failed = Trial(0, Schedule(), Status.CRASH, metrics={"cost": 5.0})
    evaluator = cascade().informed([failed] * 3)
    assert evaluator.screen(costing(6), MATMUL, None) == {"cost": 6.0}


def test_one_in_so_many_is_executed_and_it_is_those_of_low_cost() -> None:
    known = trials((50, 1.0))
    costs = np.random.default_rng(0).permutation(200) + 1
    executed = []
    for cost in map(int, costs):
        if is_executed(cascade().informed(known), cost):
            executed.append(cost)
        known += trials((cost, 1.0 if cost in executed else None))
    assert 0.15 * len(costs) < len(executed) < 0.35 * len(costs)
    assert np.median(executed) < 50


def test_the_reduction_says_how_many() -> None:
    known = trials(*((cost, 1.0) for cost in range(1, 41)))
    for reduction in (2.0, 4.0, 8.0):
        evaluator = cascade(reduction=reduction).informed(known)
        assert sum(is_executed(evaluator, cost) for cost in range(1, 41)) == round(40 / reduction) + 1


def test_what_a_search_began_with_is_forgotten() -> None:
    known = trials(*((1000 + cost, 1.0) for cost in range(200)), *((100 + cost, 1.0) for cost in range(64)))
    assert not is_executed(cascade().informed(known), 130)
    assert is_executed(cascade().informed(known[:210]), 130)


def test_what_is_not_executed_is_estimated_from_what_was_and_is_never_better() -> None:
    known = trials((10, 3.0), (12, 3.6), (100, 5.0), *((6, None),) * 9)
    for cost, seconds in ((40, 12.0), (7, 3.0)):
        metrics = cascade().informed(known).screen(costing(cost), MATMUL, 3.0)
        assert metrics == {"cost": cost, "estimated_seconds": pytest.approx(seconds)}


def test_a_trial_has_the_cost_and_is_timed_where_it_is_promising() -> None:
    evaluator = cascade().informed(trials(*((2, 1.0),) * 9))
    for cost, number in ((1, 7), (3, 777)):
        outcome = TrialWork(MATMUL, ToyBackend(size=1000), evaluator, Schedule.of({"number": number}), 1.0)()
        assert outcome.metrics["cost"] == cost
        assert (outcome.measurement.seconds is None) == ("estimated_seconds" in outcome.metrics) == (cost == 3)


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
    evaluator = Cascade(Length(), Noting(seconds=1.6, precision=0.01)).informed(
        trials(*((1, float(seconds)) for seconds in range(100, 164)))
    )
    gates = evaluator.evaluate(costing(1), MATMUL, 100.0).metrics
    assert gates == pytest.approx({"0.04": 1.16, "0.02": 1.04, "0.1 s": 1.16, "0.4 s": 1.04})


class Noting(Execution):
    """Says which gates it was given."""

    def time(self, program: Program, workload: Workload, best: float | None, gates: Sequence[Gate] = ()) -> Measurement:
        return Measurement(
            metrics={
                **{f"{gate.precision:g}": gate.times_best for gate in gates},
                **{f"{gate.seconds:g} s": gate.times_best for gate in gates},
            }
        )


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
        cascade().informed([]).screen(costing(0), MATMUL, None)
    with pytest.raises(UserError, match="tells no cost"):
        Cascade(Silent(), QUICK).informed([]).screen(costing(1), MATMUL, None)
