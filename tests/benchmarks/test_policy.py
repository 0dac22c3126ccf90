"""The benchmark of policies: what counts as how good, and which programs a policy is judged by."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Search

SCRIPTS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module("policy")


ROWS = [
    {"program": "a", "kind": "matmul", "group": "seen", "greedy": 2.0, "best": 1.0, "naive": 8.0, "torch": 4.0},
    {"program": "b", "kind": "matmul", "group": "seen", "expert": 1.0, "naive": 8.0, "torch": 4.0},
    {"program": "c", "kind": "conv2d", "group": "left out", "greedy": 1.0, "best": 1.0, "naive": 2.0},
]


def test_a_schedule_that_failed_is_as_fast_as_the_naive_program(script: ModuleType) -> None:
    found = {each["kind"]: each for each in script.means(ROWS, "torch")}
    assert found["matmul"]["greedy"] == pytest.approx((2.0 * 0.5) ** 0.5)
    assert found["matmul"]["best"] == pytest.approx((4.0 * 0.5) ** 0.5)
    assert found["matmul"]["expert"] == pytest.approx(4.0)
    assert found["matmul"]["MLIR-RL"] == 0.46
    assert {kind: (each["programs"], each["failed"]) for kind, each in found.items()} == {
        "matmul": (2, 1),
        "seen": (2, 1),
        "conv2d": (1, 0),
        "left out": (1, 0),
        "all": (3, 1),
    }
    assert found["all"]["greedy"] == found["matmul"]["greedy"]  # of the other one there is no time to compare with


def test_programs_are_those_that_the_policys_card_says_it_never_saw(script: ModuleType) -> None:
    card = {"programs": {"_target_": "x", "kinds": ["matmul", "pooling"], "left_out": ["pooling"], "held_out": 5}}
    found = script.programs(card)
    assert (list(found.kinds), list(found.left_out), found.held_out) == (["matmul", "pooling"], ["pooling"], 5)
    assert script.programs({}).held_out == 8


def test_plots_are_drawn_of_whatever_there_is(script: ModuleType, tmp_path: Path) -> None:
    plots = script.policy_plots
    plots.by_kind(script.means(ROWS, "torch"), script.SPEEDS, "torch", tmp_path / "kinds.svg")
    plots.by_program(ROWS, ["greedy", "best", "target"], "torch", tmp_path / "programs.svg")
    (tmp_path / "log").write_text("".join(json.dumps({"step": n, "gain": 1.0 + n}) + "\n" for n in range(3)))
    plots.training(tmp_path / "log", tmp_path / "training.svg")
    assert all(path.stat().st_size > 1000 for path in tmp_path.glob("*.svg"))


def trial(number: int, decision: int, seconds: float | None, origin: str = "") -> Trial:
    status = Status.CRASH if seconds is None else Status.OK
    return Trial(number, Schedule.of({"tile": decision}), status, seconds, origin=origin)


def test_all_who_came_through_meet_once_and_a_schedule_of_two_names_has_both(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    policys = [
        *(trial(0, 1, 4.0, "greedy"), trial(1, 2, 3.0, "hint"), trial(2, 3, None), trial(3, 4, 5.0)),
        trial(4, 5, 1.0),  # one more than was asked for
    ]
    met: list[Schedule] = []

    def studied(workload: object, name: str, search: Search, trials: int) -> tuple[list[Trial], dict[str, Any]]:
        if name != "finals":
            return (policys, {}) if name == "ppo" else ([trial(0, 2, 2.5), trial(1, 7, None)], {})
        met.extend(search.ask(trials))
        seconds = {0: 0.4, 1: 0.3}
        tried = [Trial(number, schedule, Status.OK, 9.0) for number, schedule in enumerate(met)]
        finalists = [{"trial": number, "seconds": value} for number, value in seconds.items()]
        return tried, {"finalists": finalists, "baselines": {"naive": {"seconds": 8.0}, "torch": {"skipped": "no"}}}

    monkeypatch.setattr(script, "studied", studied)
    found = script.row(None, "a policy", 2, ["evolve"], 3)
    assert [schedule.values()["tile"] for schedule in met] == [1, 2]
    assert found == {"greedy": 400.0, "best": 400.0, "expert": 300.0, "target": 300.0, "naive": 8000.0}
    policys[0] = trial(0, 1, None, "greedy")
    met.clear()
    assert "greedy" not in script.row(None, "a policy", 2, ["evolve"], 3)
