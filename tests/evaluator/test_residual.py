"""A residual as a file: what it corrects, and what is none."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import doubles
import pytest

from mlopt.core.errors import UserError
from mlopt.evaluator.cascade import Cascade
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.residual import Residual, read
from mlopt.evaluator.simulation import Simulation
from mlopt.protocols import TrainedEvaluator
from mlopt.workloads.matmul.workload import Matmul

STUMP = {"feature": [1, -1, -1], "threshold": [3.0, 0.0, 0.0], "left": [1, -1, -1], "right": [2, -1, -1]}
FILE = {
    "training": {"target": "here", "threads": [1], "programs": {"a": 7}, "rho": {"a": [0.5, 0.75]}},
    "features": ["loads", "trips"],
    "base": math.log(2.0),
    "trees": [{**STUMP, "value": [0.0, math.log(3.0), math.log(5.0)]}] * 2,
}


class Described(doubles.ToyProgram):
    """Knows its cost, and what it is like."""

    simulated_on = "here"
    features: Mapping[str, float] = {"loads": 1.0, "trips": 3.0}

    def simulate(self) -> Mapping[str, float]:
        return {"cost": 0.5}

    def ir_features(self) -> Mapping[str, float]:
        return self.features


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "residual.json"
    path.write_text(json.dumps(FILE))
    return str(path)


def test_a_cost_is_corrected_by_all_trees_and_the_simulated_one_is_kept(file: str) -> None:
    found = Simulation(residual=file).evaluate(Described(doubles.right), Matmul(3, 4, 5), None)
    assert found.metrics == {"cost": pytest.approx(0.5 * 2 * 3 * 3), "cost_simulated": 0.5}
    other = Described(doubles.right)
    other.features = {"trips": 3.5, "loads": 1.0}
    assert Simulation(residual=file).evaluate(other, Matmul(3, 4, 5), None).metrics["cost"] == pytest.approx(25.0)


def test_features_are_known_by_simulated_second_too(tmp_path: Path) -> None:
    by_second = {**STUMP, "feature": [3, -1, -1], "threshold": [6.0, 0.0, 0.0], "value": [0.0, 1.0, 2.0]}
    learned = Residual.model_validate({**FILE, "base": 0.0, "trees": [by_second]}, strict=False)
    assert learned.factor({"loads": 0.0, "trips": 3.0}, 0.5) == pytest.approx(math.e)
    assert learned.factor({"loads": 0.0, "trips": 3.0}, 0.4) == pytest.approx(math.e**2)


def test_an_evaluator_says_what_it_was_trained_on(file: str) -> None:
    trained = Simulation(residual=file)
    for evaluator in (trained, Cascade(trained, Execution())):
        assert isinstance(evaluator, TrainedEvaluator)
        assert evaluator.training == FILE["training"]
    assert Simulation().training is None


def test_measurements_by_another_residual_mean_something_else(file: str, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**FILE, "base": 0.0}))
    found = [Simulation(residual=each).identity() for each in (None, file, str(other))]
    assert found[0] == {}
    assert found[1] != found[2] != found[0]


def test_a_residual_of_another_target_is_refused(file: str) -> None:
    program = Described(doubles.right)
    program.simulated_on = "there"
    with pytest.raises(UserError, match="was learned on 'here'; this is for 'there'"):
        Simulation(residual=file).evaluate(program, Matmul(3, 4, 5), None)


def test_a_program_that_has_other_features_is_refused(file: str) -> None:
    program = Described(doubles.right)
    program.features = {"loads": 1.0}
    with pytest.raises(UserError, match="train it again"):
        Simulation(residual=file).evaluate(program, Matmul(3, 4, 5), None)


def test_a_program_that_is_not_described_is_refused(file: str) -> None:
    class Silent(doubles.ToyProgram):
        def simulate(self) -> Mapping[str, float]:
            return {"cost": 1.0}

    with pytest.raises(UserError, match="backend=mlir"):
        Simulation(residual=file).evaluate(Silent(doubles.right), Matmul(3, 4, 5), None)


def tree(**changed: Any) -> Callable[[], str]:
    return lambda: json.dumps({**FILE, "trees": [{**FILE["trees"][0], **changed}]})  # type: ignore[index]


@pytest.mark.parametrize(
    "text",
    [
        lambda: "",
        lambda: "[" * 100_000,
        lambda: "{}",
        lambda: json.dumps({**FILE, "base": math.nan}),
        lambda: json.dumps({**FILE, "base": "0"}),
        lambda: json.dumps({**FILE, "more": 1}),
        lambda: json.dumps({**FILE, "features": ["loads"]}).replace("[1,", "[2,"),
        tree(left=[0, -1, -1]),  # a walk that never ends
        tree(right=[3, -1, -1]),
        tree(feature=[4, -1, -1]),
        tree(value=[0.0]),
        tree(feature=[], threshold=[], left=[], right=[], value=[]),
        tree(threshold=[math.inf, 0.0, 0.0]),
    ],
)
def test_a_file_that_is_no_residual_is_one_plain_line(text: Callable[[], str], tmp_path: Path) -> None:
    path = tmp_path / "hostile.json"
    path.write_text(text())
    with pytest.raises(UserError, match="is no residual of mlopt's") as error:
        read(str(path))
    assert "\n" not in str(error.value)


def test_no_prediction_is_beyond_all_measure() -> None:
    learned = Residual.model_validate({**FILE, "base": 1e300}, strict=False)
    assert math.isfinite(learned.factor({"loads": 0.0, "trips": 0.0}, 1.0))


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        Simulation(residual=str(tmp_path / "none.json")).evaluate(Described(doubles.right), Matmul(3, 4, 5), None)
