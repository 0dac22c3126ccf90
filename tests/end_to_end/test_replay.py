"""Recorded spaces, searched by the command as users call it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import Answer, Mlopt

from mlopt.cli.main import main


@pytest.fixture
def mlopt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], logging_restored: None
) -> Mlopt:
    """The command, in an empty folder but for a T4 file, `space.json`."""
    monkeypatch.chdir(tmp_path)
    Path("space.json").write_text(json.dumps({"metadata": {"timeunit": "miliseconds"}, "results": results()}))

    def answer(*words: str) -> Answer:
        return Answer(main(words), *capsys.readouterr())

    return answer


def results() -> list[dict[str, Any]]:
    """18 configurations, where x * y divides 16; that of x = 8, y = 2 crashed."""
    return [
        {
            "configuration": {"x": x, "y": y, "shared": shared},
            "times": {"compilation": 1000.0 * x, "runtimes": [y + shared, y + shared]},
            "invalidity": "runtime" if (x, y) == (8, 2) else "correct",
            "measurements": [{"name": "time", "value": "Broken" if (x, y) == (8, 2) else x + y + shared, "unit": ""}],
        }
        for x in (1, 2, 4, 8)
        for y in (1, 2, 4)
        for shared in (0, 1)
        if x * y <= 16
    ]


def log(folder: str) -> list[dict[str, Any]]:
    """The trials, times of day aside."""
    lines = map(json.loads, Path(folder, "trials.jsonl").read_text().splitlines())
    return [{key: value for key, value in line.items() if key not in ("started", "finished")} for line in lines]


def outcomes(folder: str) -> dict[str, Any]:
    """What became of each schedule."""
    return {json.dumps(line.pop("schedule")): {**line, "trial": 0} for line in log(folder)}


def replay(mlopt: Mlopt, path: str, folder: str, *words: str) -> Answer:
    return mlopt("experiment=replay", f"workload.path={path}", f"hydra.run.dir={folder}", *words)


def test_a_study_of_a_t4_file_finds_what_is_recorded(mlopt: Mlopt) -> None:
    answer = replay(mlopt, "space.json", "study", "search=random")
    assert (answer.code, answer.err) == (0, "")
    found, lines = json.loads(Path("study/result.json").read_text()), log("study")
    recorded = {json.dumps(result["configuration"]): result for result in results()}
    assert {json.dumps(line["schedule"]) for line in lines} == set(recorded)
    for line in lines:
        result = recorded[json.dumps(line["schedule"])]
        assert line["compile_seconds"] == result["times"]["compilation"] * 1e-3
        if result["invalidity"] == "correct":
            assert line["seconds"] == result["measurements"][0]["value"] * 1e-3
        else:
            assert (line["status"], line["seconds"], line["error"]) == ("crash", None, "Broken")
    assert found["best"]["schedule"] == {"x": 1, "y": 1, "shared": 0}
    assert found["best"]["seconds"] == 0.002
    assert (found["counts"]["crash"], found["speedup"], found["baselines"]) == (2, {}, {})
    assert json.loads(Path("study/best/record.json").read_text())["best"] == found["best"]


@pytest.mark.parametrize("search", ["random", "evolve"])
def test_a_seed_gives_the_same_trials_each_time(mlopt: Mlopt, search: str) -> None:
    for folder, seed in (("first", 1), ("again", 1), ("other", 2)):
        assert replay(mlopt, "space.json", folder, f"search={search}", f"seed={seed}", "budget.trials=12").code == 0
    assert len(log("first")) == 12
    assert log("first") == log("again") != log("other")


def test_a_study_s_own_log_and_its_t4_file_replay_alike(mlopt: Mlopt) -> None:
    assert replay(mlopt, "space.json", "study", "search=random").code == 0
    answer = mlopt("t4", "study")
    assert (answer.code, answer.out.strip()) == (0, "study/t4.json")
    assert mlopt("t4", "study", "--to", "elsewhere.json").code == 0
    for folder, path in (("own", "study/trials.jsonl"), ("t4", "study/t4.json"), ("to", "elsewhere.json")):
        assert replay(mlopt, path, folder, "search=random", "seed=5").code == 0
    assert log("own") == log("t4") == log("to")
    assert outcomes("own") == outcomes("study")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("experiment=replay",), "workload.path has no default"),
        (("experiment=replay", "workload.path=absent.json"), "cannot read workload.path="),
        (("experiment=replay", "workload.path=damaged.json"), "damaged.json: not T4: Invalid JSON"),
        (("experiment=replay", "workload.path=space.json", "backend=mlir"), "replay it with experiment=replay"),
        (("experiment=reply", "workload.path=space.json"), "did you mean 'replay'"),
        (("t4",), "call it as mlopt t4 DIR"),
        (("t4", "absent"), "absent is no study"),
    ],
)
def test_a_mistake_is_one_line(mlopt: Mlopt, words: tuple[str, ...], line: str) -> None:
    Path("damaged.json").write_text('{"results": [')
    answer = mlopt(*words)
    assert answer.code == 2
    assert line in answer.err
    assert answer.err.count("\n") == 1


def test_a_record_cannot_be_simulated(mlopt: Mlopt) -> None:
    answer = replay(mlopt, "space.json", "study", "evaluator=simulation")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "evaluator=simulation needs a backend that can simulate its programs" in answer.err


def test_a_record_cannot_be_run(mlopt: Mlopt) -> None:
    answer = replay(mlopt, "space.json", "study", "evaluator=execution", "budget.trials=2")
    assert answer.code == 2
    assert "experiment=replay" in answer.err
    assert answer.err.count("\n") == 1


def test_what_a_record_only_estimates_is_not_the_best(mlopt: Mlopt) -> None:
    def line(number: int, **measured: Any) -> str:
        return json.dumps({"trial": number, "schedule": {"x": number}, "status": "ok", **measured}) + "\n"

    estimates = (line(n, metrics={"cost": 0.5, "estimated_seconds": 0.5}) for n in range(2, 8))
    Path("cascade.jsonl").write_text("".join([line(0, seconds=2.0), line(1, seconds=0.75), *estimates]))
    answer = replay(mlopt, "cascade.jsonl", "study", "search=random")
    assert (answer.code, answer.err) == (0, "")
    assert json.loads(Path("study/result.json").read_text())["best"] == {
        "trial": next(line["trial"] for line in log("study") if line["seconds"] == 0.75),
        "schedule": {"x": 1},
        "seconds": 0.75,
    }
