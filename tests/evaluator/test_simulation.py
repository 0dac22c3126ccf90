"""Measuring by estimating."""

from __future__ import annotations

from collections.abc import Mapping

import doubles
import pytest

from mlopt.core.errors import UserError
from mlopt.evaluator.simulation import Simulation
from mlopt.protocols import Evaluator, HashedProgram, Kernel, Program, SizedProgram, Workload
from mlopt.testing import EvaluatorContract
from mlopt.workloads.matmul.workload import Matmul


class Estimated(doubles.ToyProgram):
    """Knows its cost, and cannot be run."""

    def simulate(self) -> Mapping[str, float]:
        return {"cost": 2.5, "cost_moving": 1.0}

    def load(self) -> doubles.ToyKernel:
        raise AssertionError("executed")


class TestSimulation(EvaluatorContract):
    def make(self) -> Evaluator:
        return Simulation()

    def workload(self) -> Workload:
        return Matmul(3, 4, 5)

    def program(self) -> Program:
        return Estimated(doubles.right)

    def wrong_program(self) -> Program:
        return Estimated(doubles.silent)


def test_a_cost_is_no_time() -> None:
    found = Simulation().evaluate(Estimated(doubles.right), Matmul(3, 4, 5), None)
    assert found.seconds is None
    assert found.samples == ()
    assert found.metrics == {"cost": 2.5, "cost_moving": 1.0}


class Unprintable:
    stage_seconds: Mapping[str, float] = {}

    @property
    def ir(self) -> str:
        raise AssertionError("printed")

    def simulate(self) -> Mapping[str, float]:
        return {"cost": 2.5}

    def load(self) -> Kernel:
        raise AssertionError("executed")


def test_asking_what_a_program_can_do_does_not_print_it() -> None:
    program: Program = Unprintable()
    assert Simulation().evaluate(program, Matmul(3, 4, 5), None).metrics["cost"] == 2.5
    assert not isinstance(program, SizedProgram)
    assert not isinstance(program, HashedProgram)


def test_a_program_that_knows_no_cost_is_a_mistake() -> None:
    with pytest.raises(UserError, match="backend=mlir"):
        Simulation().evaluate(doubles.ToyProgram(doubles.right), Matmul(3, 4, 5), None)
