"""`mlopt archive`, as users call it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mlopt.archive.context import Context
from mlopt.archive.store import Store
from mlopt.archive.study import CONTEXT
from mlopt.cli.main import main
from mlopt.core.trial import Status, Trial

from .conftest import context, made

Keep = Callable[..., str]
MATMUL, RELU = context(), context("relu", size=8)


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keep:
    """Go to an empty folder; `keep(name, context, trials)` adds to an archive there, and gives its path."""
    monkeypatch.chdir(tmp_path)

    def keep(name: str, where: Context, trials: list[Trial]) -> str:
        with closing(Store(name)) as store:
            store.add(where, trials)
        return name

    return keep


def count(name: str) -> int:
    with closing(Store(name)) as store:
        return store.count()


def test_list_has_a_line_for_each_context(keep: Keep, capsys: pytest.CaptureFixture[str]) -> None:
    keep("a.db", MATMUL, [made(0, 2e-3), made(1, 1e-3)])
    keep("a.db", RELU, [made(2, None, metrics={"cost": 1.0})])
    assert main(["archive", "list", "--url", "a.db"]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    matmul, relu = sorted(lines, key=lambda line: "relu" in line)
    for word in (MATMUL.digest[:12], "matmul", "64x64:float32", "Mlir", "EPYC", " 2 ", "1.000 ms", "2026-11-25"):
        assert word in matmul
    assert "8x8:float32" in relu
    assert " ms" not in relu
    assert main(["archive", "list", "--url", "a.db", "--workload", "relu"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()[1:]] == [relu.split()]


def test_prune_keeps_the_best_of_each_context(keep: Keep, capsys: pytest.CaptureFixture[str]) -> None:
    keep("a.db", MATMUL, [made(number, 3.0 - number) for number in range(3)])
    keep("a.db", RELU, [made(5)])
    assert main(["archive", "prune", "--url", "a.db", "--keep-best", "1"]) == 0
    assert capsys.readouterr().out == "2 measurements dropped, 2 left\n"
    with closing(Store("a.db")) as store:
        assert [trial.trial for trial in store.trials(MATMUL)] == [2]


def test_prune_drops_what_is_older(keep: Keep, capsys: pytest.CaptureFixture[str]) -> None:
    keep("a.db", MATMUL, [made(0, finished="1999-01-01T00:00:00.000+00:00"), made(1, finished="2999-01-01T00:00:00Z")])
    assert main(["archive", "prune", "--url", "a.db", "--older", "1"]) == 0
    assert capsys.readouterr().out == "1 measurements dropped, 1 left\n"


def test_export_writes_the_latest_measurement_of_each_configuration(keep: Keep) -> None:
    later = made(0, 7e-3, finished="2026-11-26T00:00:00.000+00:00")
    keep("a.db", MATMUL, [made(0, 2e-3), later, made(1, 1e-3)])
    keep("a.db", RELU, [made(2)])
    assert main(["archive", "export", "all.json", "--url", "a.db", "--context", MATMUL.digest[:12]]) == 0
    results = json.loads(Path("all.json").read_text())["results"]
    assert {result["configuration"]["tile"] for result in results} == {0, 1}
    (exported,) = [result for result in results if result["configuration"]["tile"] == 0]
    assert 7e-3 in [measurement["value"] for measurement in exported["measurements"]]


def test_merge_adds_what_other_archives_and_studies_hold_once(keep: Keep, capsys: pytest.CaptureFixture[str]) -> None:
    keep("a.db", MATMUL, [made(0)])
    keep("b.db", MATMUL, [made(0), made(1)])
    study = Path("study")
    study.mkdir()
    (study / CONTEXT).write_text(json.dumps(RELU.content))
    lines = "".join(json.dumps(made(number).to_json()) + "\n" for number in range(3))
    (study / "trials.jsonl").write_text(f'{lines}{{"trial": 3, "sch')  # as a killed study leaves it
    for added in (4, 0):
        assert main(["archive", "merge", "b.db", "study", "--url", "a.db"]) == 0
        assert capsys.readouterr().out == f"{added} measurements added\n"
        assert count("a.db") == 5


def test_merge_believes_no_time_of_a_finalist_that_the_finals_found_wrong(keep: Keep) -> None:
    keep("a.db", RELU, [made(0, code="0a", finished="2026-11-24T00:00:00.000+00:00")])
    study = Path("study")
    study.mkdir()
    (study / CONTEXT).write_text(json.dumps(RELU.content))
    trials = [made(0, code="0a"), made(1, code="0b"), made(2, code="0c"), made(3, code="0b")]
    (study / "trials.jsonl").write_text("".join(json.dumps(trial.to_json()) + "\n" for trial in trials))
    lost = {"trial 1": "WrongResult: output 0", "trial 2": "WorkerLost: killed"}
    result = {"workload": {}, "threads": 1, "fingerprint": {}, "best": None, "lost": lost}
    (study / "result.json").write_text(json.dumps(result))
    for _ in range(2):
        assert main(["archive", "merge", "study", "--url", "a.db"]) == 0
        with closing(Store("a.db")) as store:
            held = [(trial.trial, trial.status, trial.seconds) for trial in store.trials(RELU)]
        wrong = (1, Status.WRONG_RESULT, None)
        assert sorted(held) == [(0, Status.OK, 1.0), (0, Status.OK, 1.0), wrong, (2, Status.OK, 1.0)]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["list", "--url", "nowhere.db"], "nowhere.db"),
        (["list", "--url", "a.db", "--workload", "matmull"], "did you mean 'matmul'"),
        (["prune", "--url", "a.db"], "--older"),
        (["prune", "--url", "a.db", "--older", "-1"], "--older"),
        (["prune", "--url", "a.db", "--older", "1e99"], "no such day"),
        (["export", "x.json", "--url", "a.db"], "2 contexts"),
        (["merge", "nowhere", "--url", "a.db"], "nowhere"),
        (["shrink"], "mlopt archive list"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(
    words: list[str], complaint: str, keep: Keep, capsys: pytest.CaptureFixture[str]
) -> None:
    keep("a.db", MATMUL, [made(0)])
    keep("a.db", RELU, [made(1)])
    assert main(["archive", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line
    assert count("a.db") == 2
