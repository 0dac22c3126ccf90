"""The contract of evaluators catches each way to break it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from doubles import ToyProgram, right, silent

from mlopt.core.errors import WrongResult
from mlopt.core.trial import Measurement
from mlopt.evaluator.execution import Execution
from mlopt.protocols import Evaluator, Inputs, Program, Workload
from mlopt.testing import EvaluatorContract
from mlopt.workloads.matmul.workload import Matmul


@dataclass(frozen=True)
class Sound:
    """Executes, to be broken."""

    executes: bool = True
    inputs: Inputs = "warm"
    preload: tuple[str, ...] = ()

    def prepare(self, workload: Workload) -> None:
        pass

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        return Execution(seconds=1e-9).evaluate(program, workload, best)


class Local:
    def __reduce__(self) -> str:
        raise TypeError("cannot be pickled")


class Timeless(Sound):
    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        return replace(super().evaluate(program, workload, best), seconds=None)


class NumpyNumbers(Sound):
    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        return replace(super().evaluate(program, workload, best), metrics={"precision": np.float32(0.5)})


class Infinite(Sound):
    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        return replace(super().evaluate(program, workload, best), metrics={"precision": float("inf")})


class Impatient(Sound):
    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        found = super().evaluate(program, workload, best)
        return Measurement() if best is not None and found.seconds is not None and found.seconds > best else found


class Once(Sound):
    def prepare(self, workload: Workload) -> None:
        if "prepared" in vars(self):
            raise AssertionError("prepared before")
        vars(self)["prepared"] = True


class Trusting(Sound):
    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        try:
            return super().evaluate(program, workload, best)
        except WrongResult:
            return Measurement(1.0, samples=(1.0,))


class Costless(Sound):
    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        return Measurement(metrics={"price": 1.0})


def suite(evaluator: Evaluator) -> EvaluatorContract:
    class Suite(EvaluatorContract):
        def make(self) -> Evaluator:
            return evaluator

        def workload(self) -> Workload:
            return Matmul(3, 4, 5)

        def program(self) -> Program:
            return ToyProgram(right)

        def wrong_program(self) -> Program:
            return ToyProgram(silent)

    return Suite()


HAS_SECONDS = EvaluatorContract.test_a_right_program_has_seconds_where_it_was_executed_and_a_cost_where_not
IS_JUDGED = EvaluatorContract.test_a_right_program_is_judged_whatever_the_best_so_far


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Local(), EvaluatorContract.test_can_be_sent_to_a_worker),
        (Sound(preload=("no_such_module",)), EvaluatorContract.test_names_only_modules_that_a_worker_can_import),
        (Sound(inputs="cold"), EvaluatorContract.test_says_how_calls_are_given_their_inputs_if_it_executes),  # type: ignore[arg-type]
        (Once(), EvaluatorContract.test_a_workload_can_be_prepared_more_than_once),
        (Timeless(), HAS_SECONDS),
        (Costless(executes=False), HAS_SECONDS),
        (NumpyNumbers(), EvaluatorContract.test_its_numbers_are_plain_and_finite),
        (Infinite(), EvaluatorContract.test_its_numbers_are_plain_and_finite),
        (Impatient(), lambda contract: IS_JUDGED(contract, 1e-12)),
        (Trusting(), EvaluatorContract.test_a_wrong_program_that_is_executed_is_found_wrong_every_time),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_breach_is_seen(broken: Evaluator, test: object) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception, TypeError, ImportError, KeyError)):
        test(suite(broken))  # type: ignore[operator]


def test_a_sound_one_passes() -> None:
    for test in (HAS_SECONDS, EvaluatorContract.test_its_numbers_are_plain_and_finite):
        test(suite(Sound()))
    IS_JUDGED(suite(Sound()), 1e-12)
