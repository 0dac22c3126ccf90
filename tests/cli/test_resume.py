"""`mlopt resume=DIR`: the study's own configuration, and what may be given anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

Command = Callable[..., Any]
TRIAL = '{"trial": 0, "schedule": {"x": 1}, "status": "ok", "seconds": 1.0}\n'


@pytest.fixture
def old(tune: Command, study: Any) -> Path:
    """The folder of a study that was called with a budget of 20 trials, in the place of which nothing has run."""
    assert tune("seed=3", "workload.size=9", "budget.trials=20", "hydra.run.dir=old").code == 0
    study.made.clear()
    return Path("old")


def ended(old: Path, **changed: Any) -> None:
    """Leave what a study leaves that came to its end after one trial."""
    limits = {"trials": 1, "seconds": None, "money": None}
    best = {"trial": 0, "schedule": {"x": 1}, "seconds": 1.0}
    found = {"workload": {}, "threads": 1, "fingerprint": {}, "best": best, "trials": 1, "budget": limits, **changed}
    (old / "trials.jsonl").write_text(TRIAL)
    (old / "result.json").write_text(json.dumps(found))
    (old / "best").mkdir()


def test_goes_on_in_its_folder_with_what_it_was_called_with(mlopt: Command, study: Any, old: Path) -> None:
    assert mlopt("resume=old").code == 0
    (made,) = study.made
    assert made["resume"] is True
    assert made["info"].directory == old.absolute()
    assert made["info"].name == "toy-toy-toy-toy-3"
    assert (made["workload"].size, made["seed"], made["budget"].trials) == (9, 3, 20)


def test_a_study_is_new_unless_it_is_resumed(tune: Command, study: Any) -> None:
    tune()
    assert study.made[0]["resume"] is False


def test_budget_executor_and_tracker_may_be_given_anew_and_the_budget_is_kept(
    mlopt: Command, study: Any, old: Path
) -> None:
    words = ("budget.trials=50", "budget.money=2.5", "executor.size=2", "tracker=none", "resume=old")
    assert mlopt(*words).code == mlopt("resume=old").code == 0
    first, second = study.made
    assert (first["budget"].trials, first["budget"].money, first["executor"].size) == (50, 2.5, 2)
    assert type(first["trackers"][0]).__name__ == "NoTracker"
    assert (second["budget"].trials, second["budget"].money, second["executor"].size) == (50, 2.5, 4)
    assert OmegaConf.load(old / ".hydra" / "config.yaml").resume is None


@pytest.mark.parametrize(
    "word", ["seed=4", "search=toy", "workload.size=3", "budget.trial_seconds=3", "hydra.run.dir=x"]
)
def test_words_that_would_make_it_another_study_are_refused(mlopt: Command, study: Any, old: Path, word: str) -> None:
    before = (old / ".hydra" / "config.yaml").read_text()
    answer = mlopt("resume=old", word)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert answer.err.startswith(f"mlopt: {word} would make it another study; what may be changed: budget.trials, ")
    assert not study.made
    assert (old / ".hydra" / "config.yaml").read_text() == before


@pytest.mark.parametrize("has_ended", [False, True])
@pytest.mark.parametrize("word", ["budget.trials=many", "budget.trials=null", "budget.trials=0", "budget.seconds=-1"])
def test_a_budget_that_is_none_is_refused_and_not_kept(
    mlopt: Command, study: Any, old: Path, word: str, has_ended: bool
) -> None:
    if has_ended:
        ended(old)
    before = (old / ".hydra" / "config.yaml").read_text()
    answer = mlopt("resume=old", word)
    assert (answer.code, answer.err.count("\n"), answer.out) == (2, 1, "")
    assert answer.err.startswith("mlopt: budget.")
    assert not study.made
    assert (old / ".hydra" / "config.yaml").read_text() == before


def test_one_that_is_complete_says_so(mlopt: Command, study: Any, old: Path) -> None:
    ended(old)
    answer = mlopt("resume=old", "budget.trials=1")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("old is complete: 1 trials")
    assert not study.made


def test_one_that_has_tried_everything_is_complete_whatever_the_budget(mlopt: Command, study: Any, old: Path) -> None:
    ended(old, exhausted=True)
    answer = mlopt("resume=old", "budget.trials=500")
    assert (answer.code, answer.out) == (0, "old is complete: 1 trials; nothing is left to try\n")
    assert not study.made


def test_one_whose_best_was_not_exported_in_time_exports_it(
    mlopt: Command, study: Any, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported: list[Any] = []
    monkeypatch.setattr("mlopt.aside.export", lambda *parts: exported.append(parts))
    ended(old)
    assert mlopt("resume=old", "budget.trials=1").code == 0
    assert exported == []
    (old / "best").rmdir()
    answer = mlopt("resume=old", "budget.trials=1")
    assert (answer.code, answer.err) == (0, "")
    ((workload, backend, found, folder),) = exported
    assert (workload.size, type(backend).__name__, folder) == (9, "Toy", Path("old"))
    assert found["best"] == {"trial": 0, "schedule": {"x": 1}, "seconds": 1.0}
    assert {"workload", "fingerprint"} <= found.keys()
    assert not study.made


def test_one_that_found_nothing_says_so_again(mlopt: Command, study: Any, old: Path) -> None:
    ended(old, best=None)
    assert mlopt("resume=old", "budget.trials=1").code == 3
    assert not study.made


@pytest.mark.parametrize("changed", [{"interrupted": True}, {"trials": 2}])
def test_a_result_that_is_not_the_last_one_is_made_again(
    mlopt: Command, study: Any, old: Path, changed: dict[str, Any]
) -> None:
    ended(old, **changed)
    assert mlopt("resume=old", "budget.trials=1").code == 0
    assert len(study.made) == 1


def test_a_larger_budget_goes_on_with_one_that_is_complete(mlopt: Command, study: Any, old: Path) -> None:
    ended(old)
    assert mlopt("resume=old").code == 0
    assert study.made[0]["budget"].trials == 20


@pytest.mark.parametrize("name", ["config.yaml", "hydra.yaml"])
@pytest.mark.parametrize("text", ["a: [", "", "- 1"])
def test_a_damaged_folder_is_one_line(mlopt: Command, study: Any, old: Path, name: str, text: str) -> None:
    (old / ".hydra" / name).write_text(text)
    answer = mlopt("resume=old")
    assert (answer.code, answer.err.count("\n"), answer.out) == (2, 1, "")
    assert not study.made


def test_cfg_shows_what_it_would_go_on_with(mlopt: Command, study: Any, old: Path) -> None:
    answer = mlopt("resume=old", "budget.trials=7", "--cfg", "job")
    assert OmegaConf.create(answer.out).budget.trials == 7
    assert not study.made


def test_one_that_is_a_sweep_says_how_that_is_gone_on_with(mlopt: Command, study: Any, tune: Command) -> None:
    assert tune("-m", "hydra/launcher=basic", "seed=1,2", "hydra.sweep.dir=sweep").code == 0
    study.made.clear()
    answer = mlopt("resume=sweep")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "sweep.resume=sweep" in answer.err
    assert not study.made
