"""A whole round: a study whose trials are timed, what simulation missed of them, and a study that knows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Answer, Mlopt

from mlopt.cli.main import main

pytestmark = pytest.mark.usefixtures("own_device")
SHAPE = ("workload.m=16", "workload.n=16", "workload.k=16", "backend.threads=1")
SEARCH = ("search=random", "executor=local", "executor.slots=1", "tracker=none")


@pytest.fixture
def mlopt(drop_in: Callable[..., Path], capsys: pytest.CaptureFixture[str], logging_restored: None) -> Mlopt:
    """The command, in a folder where every program takes twice its cost."""
    drop_in("toys", {"evaluator/twice": "# made up\n_target_: doubles.TwiceTheCost\npreload: [doubles]\n"})

    def answer(*words: str) -> Answer:
        return Answer(main(words), *capsys.readouterr())

    return answer


def trials(folder: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(folder, "trials.jsonl").read_text().splitlines()]


def test_what_simulation_missed_is_learned_from_a_study_or_from_the_archive(mlopt: Mlopt) -> None:
    timed = mlopt("evaluator=twice", "budget.trials=24", "hydra.run.dir=timed", *SHAPE, *SEARCH)
    assert (timed.code, timed.err) == (0, "")
    assert all(trial["seconds"] > 0.0 for trial in trials("timed"))
    files = {place: f"{Path(place).stem}.json" for place in ("timed", "archive", "outputs/archive.db")}
    for place, file in files.items():
        learned = mlopt("residual", place, "--to", file)
        assert (learned.code, learned.err) == (0, "")
        assert "24" in learned.out
    words = ("evaluator=simulation", "evaluator.residual=archive.json", "budget.trials=2", "hydra.run.dir=learned")
    found = mlopt(*words, *SHAPE, *SEARCH)
    assert (found.code, found.err) == (0, "")
    for trial in trials("learned"):
        assert trial["metrics"]["cost"] == pytest.approx(2.0 * trial["metrics"]["cost_simulated"], rel=1e-6)
    training = json.loads(Path("learned/result.json").read_text())["training"]
    assert list(training["programs"].values()) == [24]


def test_an_archive_without_timed_trials_teaches_nothing(mlopt: Mlopt) -> None:
    assert mlopt("residual", "archive", "--to", "file").err.count("\n") == 1
    words = ("evaluator=simulation", "budget.trials=1", "hydra.run.dir=study", *SHAPE, *SEARCH)
    assert mlopt(*words).code == 0
    answer = mlopt("residual", "archive", "--to", "file")
    assert answer.code == 2
    assert "no trials of backend=mlir that were timed" in answer.err
    Path("text").write_text("no database")
    assert "archive sqlite:///" in mlopt("residual", "text", "--to", "file").err
    assert not Path("file").exists()
