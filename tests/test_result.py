"""What a study says it found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from doubles import OnDevices, ToyBackend

from mlopt import result
from mlopt.core.errors import CompileError, WrongResult
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial, WorkerLost
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.simulation import Simulation
from mlopt.finals.contender import Skipped
from mlopt.finals.interleaved import Course
from mlopt.finals.timetable import OutOfTime
from mlopt.protocols import Roofline, StudyInfo
from mlopt.workloads.matmul.workload import Matmul

MATMUL = Matmul(10, 10, 5)
TAGS = {"workload": "matmul", "backend": "toy", "search": "random", "evaluator": "execution", "executor": "local"}
CONFIG = {"workload": {"_target_": "Matmul", "m": 10, "n": 10, "k": 5, "dtype": "float32"}, "seed": 4}


def ok(number: int, seconds: float) -> Trial:
    return Trial(number, Schedule.of({"tile": number}), Status.OK, seconds, samples=(seconds,) * 6)


FIRST, SECOND = ok(7, 1.0), ok(9, 2.0)
TURNS = 1.0, 0.9, 1.2, 1.0, 1.2, 0.9, 1.0, 1.0  # the interval of their median is all of them but for two
FINALISTS = {"trial 7": FIRST, "trial 9": SECOND}


def final(estimates: dict[str, float], absent: dict[str, Exception], roofline: Roofline | None = None) -> Any:
    timed = {name: Course([factor * seconds for factor in TURNS]) for name, seconds in estimates.items()}
    found = result.final(FINALISTS, timed, absent, roofline, MATMUL)
    json.dumps(found, allow_nan=False)
    return found


def test_where_programs_run_on_devices_it_says_on_which_and_at_which_clocks() -> None:
    info = StudyInfo("s", Path(), CONFIG, TAGS)

    def devices(backend: ToyBackend, evaluator: Any) -> Any:
        return result.describe(info, MATMUL, backend, evaluator, 4, [FIRST], 1.5)["devices"]

    assert devices(OnDevices(), Execution()) == [{"uuid": "GPU-1", "name": "H200", "clocks.sm": "1980 MHz"}]
    assert devices(OnDevices(), Simulation()) == devices(ToyBackend(), Execution()) == []


def test_a_study_is_described_with_the_keys_of_the_contract() -> None:
    trials = [FIRST, SECOND, Trial(8, Schedule(), Status.TIMEOUT)]
    info, backend, evaluator = StudyInfo("s", Path(), CONFIG, TAGS), ToyBackend(thread_count=2), Execution()
    found = result.describe(info, MATMUL, backend, evaluator, 4, trials, 1.5)
    assert found["workload"] == {
        "name": "matmul",
        "m": 10,
        "n": 10,
        "k": 5,
        "dtype": "float32",
        "flops": 1000,
        "bytes": 800,
    }
    assert (found["backend"], found["search"], found["evaluator"]) == ("toy", "random", "execution")
    assert found["inputs"] == "warm"
    assert (found["seed"], found["threads"], found["trials"], found["wall_seconds"]) == (4, 2, 3, 1.5)
    assert found["counts"] == {status.value: 0 for status in Status} | {"ok": 2, "timeout": 1}
    assert found["executed"] == 2
    assert (found["best"], found["baselines"], found["speedup"]) == (None, {}, {})
    assert found["fingerprint"]["cores"] >= 1


def test_the_best_is_the_fastest_of_the_finals_not_of_its_own_trial() -> None:
    found = final({"trial 7": 3.0, "trial 9": 2.5, "naive": 5.0}, {})
    assert found["best"] == {"trial": 9, "schedule": {"tile": 9}, "seconds": 2.5, "ci95": [2.25, 3.0], "turns": 8}
    assert [finalist["trial"] for finalist in found["finalists"]] == [9, 7]


@pytest.mark.parametrize(("seconds", "behind"), [(2.6, True), (2.51, False)])
def test_a_finalist_says_whether_it_is_behind_for_certain(seconds: float, behind: bool) -> None:
    found = final({"trial 7": seconds, "trial 9": 2.5}, {})
    assert [finalist["behind"] for finalist in found["finalists"]] == [False, behind]


def test_baselines_come_with_what_the_best_gains_over_them() -> None:
    found = final({"trial 7": 2.0, "naive": 5.0, "torch": 1.0}, {}, Roofline(1e3, 1e9))
    assert found["baselines"]["naive"] == {"seconds": 5.0, "ci95": [4.5, 6.0], "turns": 8}
    assert found["baselines"]["roofline"] == {"seconds": 1.0, "flops_per_second": 1e3, "bytes_per_second": 1e9}
    assert found["speedup"] == {"naive": 2.5, "torch": 0.5, "roofline": 0.5}


def test_who_is_missing_is_named_with_the_reason() -> None:
    absent: dict[str, Exception] = {
        "trial 9": CompileError("lower:\n no"),
        "torch": Skipped("PyTorch is not installed"),
        "torch_compile": RuntimeError("x" * 5000),
        "roofline": WorkerLost(Status.TIMEOUT, "killed at its deadline"),
    }
    found = final({"trial 7": 2.0}, absent)
    assert found["lost"] == {"trial 9": "CompileError: lower: no"}
    assert found["baselines"]["torch"] == {"skipped": "PyTorch is not installed"}
    assert found["baselines"]["roofline"] == {"skipped": "WorkerLost: killed at its deadline"}
    assert len(found["baselines"]["torch_compile"]["skipped"]) == 1000
    assert found["speedup"] == {}


def test_where_no_finalist_came_through_the_best_is_provisional_and_beats_nobody() -> None:
    found = final({"naive": 5.0}, {"trial 7": WorkerLost(Status.CRASH, "killed"), "trial 9": CompileError("no")})
    assert found["best"] == {"trial": 7, "schedule": {"tile": 7}, "seconds": 1.0, "ci95": [1.0, 1.0]}
    assert set(found) == {"best", "lost"}


def test_finals_that_had_no_time_for_all_say_so() -> None:
    late: dict[str, Exception] = {"trial 7": OutOfTime("no time left"), "naive": OutOfTime("no time left")}
    found = final({"trial 9": 2.0}, late)
    assert found["best"]["trial"] == 9
    assert found["caveat"] == "the budget left the finals no time for trial 7, naive"
    assert found["baselines"]["naive"] == {"skipped": "no time left"}
    alone = final({}, {**late, "trial 9": OutOfTime("no time left")})
    assert alone["best"]["trial"] == 7
    assert "trial 9; the best has its time from its trial alone" in alone["caveat"]
    assert "caveat" not in final({"trial 7": 2.0}, {"trial 9": CompileError("no")})


@pytest.mark.parametrize(("turns", "caveat"), [(6, True), (7, False)])
def test_a_best_with_few_turns_is_not_called_certain(turns: int, caveat: bool) -> None:
    found = result.final(FINALISTS, {"trial 7": Course([1.0] * turns)}, {}, None, MATMUL)
    assert found["best"]["turns"] == turns
    assert (f"timed in {turns} turns" in found.get("caveat", "")) == caveat


def test_a_single_turn_has_no_interval() -> None:
    assert "ci95" not in result.final(FINALISTS, {"trial 7": Course([1.0])}, {}, None, MATMUL)["best"]
    assert "ci95" in result.final(FINALISTS, {"trial 7": Course([1.0, 1.1])}, {}, None, MATMUL)["best"]


def test_a_finalist_that_was_found_wrong_is_never_the_best() -> None:
    wrong, lost = WrongResult("output 0"), WorkerLost(Status.CRASH, "killed")
    assert final({}, {"trial 7": wrong, "trial 9": lost})["best"]["trial"] == 9
    found = final({}, {"trial 7": wrong, "trial 9": wrong})
    assert found["best"] is None
    assert found["lost"] == dict.fromkeys(FINALISTS, "WrongResult: output 0")


def test_a_simulated_best_has_a_cost_and_no_seconds() -> None:
    best = result.provisional(Trial(3, Schedule.of({"tile": 1}), Status.OK, metrics={"cost": 12.0}))
    assert best == {"trial": 3, "schedule": {"tile": 1}, "cost": 12.0}


def test_a_provisional_best_has_its_own_seconds_and_the_interval_of_its_samples() -> None:
    assert result.provisional(Trial(3, Schedule(), Status.OK, 2.0, samples=(1.0, 2.0, 4.0)))["ci95"] == [1.0, 4.0]
    assert "ci95" not in result.provisional(Trial(3, Schedule(), Status.OK, 5.0, samples=(1.0, 2.0, 4.0)))
    assert result.provisional(Trial(3, Schedule(), Status.OK, 2.0)) == {"trial": 3, "schedule": {}, "seconds": 2.0}


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    result.write(tmp_path, {"trials": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        result.write(tmp_path, {"trials": float("nan")})
    assert json.loads((tmp_path / "result.json").read_text()) == {"trials": 1}
    result.write(tmp_path, {"trials": 2})
    assert json.loads((tmp_path / "result.json").read_text()) == {"trials": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
