"""Learning what simulated costs miss."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.evaluator.residual import read
from mlopt.executor.worker import Worker
from mlopt.residual.examples import Description, Example, examples
from mlopt.residual.learn import learn
from mlopt.workloads.matmul.workload import Matmul


def example(program: str, spills: float, cost: float, target: str = "here") -> Example:
    """Of a machine on which spills take four times as long as they are said to."""
    about = Description(target, cost, {"spills": spills, "loads": 10.0})
    return Example(program, 1, about, cost * (4.0 if spills > 5.0 else 1.0))


def some(program: str, number: int, seed: int) -> list[Example]:
    rng = np.random.default_rng(seed)
    return [example(program, *rng.uniform((0, 1), (10, 2))) for _ in range(number)]


def test_what_costs_miss_in_one_program_is_known_of_another() -> None:
    learned = learn([*some("a", 40, 1), *some("b", 40, 2)], np.random.default_rng(0))
    for before, after in learned.training.rho.values():
        assert after > 0.9 > before
    assert learned.factor({"spills": 9.0, "loads": 10.0}, 1.5) == pytest.approx(4.0, rel=0.1)
    assert learned.factor({"spills": 1.0, "loads": 10.0}, 1.5) == pytest.approx(1.0, rel=0.1)


def test_a_residual_says_what_it_was_learned_from() -> None:
    about = learn([*some("a", 30, 1), *some("b", 25, 2)], np.random.default_rng(0)).training
    assert (about.target, about.threads, about.programs) == ("here", [1], {"a": 30, "b": 25})
    assert about.rho.keys() == {"a", "b"}


def test_one_program_alone_promises_nothing_of_others() -> None:
    assert learn(some("a", 30, 1), np.random.default_rng(0)).training.rho == {}


def test_a_residual_is_the_same_from_its_file(tmp_path: Path) -> None:
    learned = learn(some("a", 30, 1), np.random.default_rng(0))
    learned.write(tmp_path / "residual.json")
    assert read(str(tmp_path / "residual.json")) == learned


def test_the_same_seed_learns_the_same() -> None:
    first, again, other = (learn(some("a", 30, 1), np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (some("a", 5, 1), "20 timed trials at least"),
        ([*some("a", 30, 1), example("a", 1.0, 1.0, target="there")], "here and there"),
    ],
)
def test_what_cannot_be_learned_from_is_a_mistake(given: list[Example], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        learn(given, np.random.default_rng(0))


def test_examples_are_the_timed_trials_whose_programs_can_be_built() -> None:
    workload, backend = Matmul(16, 16, 16), Mlir(1)
    space, schedule = backend.space(workload), Schedule()
    while options := space.options(schedule):
        schedule = schedule.then(options[0])
    trials = [
        Trial(0, schedule, Status.OK, seconds=2e-6),
        Trial(1, schedule, Status.CRASH),
        Trial(2, schedule, Status.OK, metrics={"cost": 1.0}),
        Trial(3, Schedule.of({"unheard_of": 1}), Status.OK, seconds=2e-6),
    ]
    with contextlib.closing(Worker(backend.preload)) as worker:
        (found,) = examples(workload, backend, trials, worker)
    program = backend.build(workload, schedule)
    assert (found.seconds, found.threads, found.about.cost) == (2e-6, 1, program.simulate()["cost"])
    assert found.about.features == program.ir_features()
    assert found.about.target == program.simulated_on
    assert "16x16" in found.program
