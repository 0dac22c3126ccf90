"""`mlopt GROUP=OPTION KEY=VALUE`: compose, instantiate, run."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from mlopt.core.errors import UserError
from mlopt.protocols import Budget

Command = Callable[..., Any]


def test_the_study_gets_what_the_words_describe(tune: Command, study: Any) -> None:
    assert tune("seed=3", "workload.size=9", "backend.shape=[5]", "budget.seconds=1.5").code == 0
    (made,) = study.made
    assert made["workload"].size == 9
    assert made["backend"].shape == [5]
    assert made["search"].kind == "soft"
    assert made["budget"] == Budget(trials=200, seconds=1.5, trial_seconds=20)
    assert made["seed"] == 3
    assert [type(tracker).__name__ for tracker in made["trackers"]] == ["Toy", "Progress"]


def test_the_study_is_told_who_it_is(tune: Command, study: Any) -> None:
    tune("seed=3")
    info = study.made[0]["info"]
    assert info.name == "toy-toy-toy-toy-3"
    toys = ("workload", "backend", "search", "evaluator", "executor")
    assert info.tags == {**dict.fromkeys(toys, "toy"), "target": "auto"}
    assert info.config["workload"] == {
        "_target_": "toys.Toy",
        "size": 4,
        "kind": "soft",
        "shape": [1, 2],
        "note": "",
    }
    assert info.config["seed"] == 3
    assert "hydra" not in info.config
    assert info.directory.is_relative_to(Path("outputs").absolute())


def test_the_run_folder_holds_all_that_is_needed_to_run_again(tune: Command, study: Any) -> None:
    tune("seed=3", "hydra.run.dir=here")
    assert study.made[0]["info"].directory == Path("here").absolute()
    stored = OmegaConf.load("here/.hydra/config.yaml")
    assert OmegaConf.to_container(stored, resolve=True) == study.made[0]["info"].config
    assert "seed=3" in OmegaConf.load("here/.hydra/overrides.yaml")


def test_studies_do_not_share_a_folder(tune: Command, study: Any) -> None:
    tune()
    tune()
    assert len({made["info"].directory for made in study.made}) == 2


def test_a_config_can_refer_to_the_run_folder(tune: Command, study: Any) -> None:
    assert tune("hydra.run.dir=here", "workload.note=${hydra:runtime.output_dir}").code == 0
    assert study.made[0]["workload"].note == str(Path("here").absolute())


def test_a_sweep_runs_every_combination_in_a_folder_of_its_own(tune: Command, study: Any) -> None:
    assert tune("-m", "hydra/launcher=basic", "seed=1,2", "workload.size=5,6", "hydra.sweep.dir=sweep").code == 0
    assert [(made["seed"], made["workload"].size) for made in study.made] == [(1, 5), (1, 6), (2, 5), (2, 6)]
    assert {made["info"].directory for made in study.made} == {Path("sweep", str(i)).absolute() for i in range(4)}


def test_of_two_words_for_a_key_the_last_counts_in_a_sweep(tune: Command, study: Any) -> None:
    assert tune("-m", "hydra/launcher=basic", "seed=1,2", "seed=3", "hydra.sweep.subdir=${seed}").code == 0
    assert [made["seed"] for made in study.made] == [3]


def test_a_sweep_may_choose_among_all_options(tune: Command, study: Any) -> None:
    assert tune("-m", "hydra/launcher=basic", "search=glob(t*)").code == 0
    assert len(study.made) == 1


def test_an_experiment_overrides_groups_and_keys_and_the_call_overrides_it(
    tune: Command, mlopt: Command, study: Any, drop_in: Callable[..., Path]
) -> None:
    text = "# @package _global_\n# quick\ndefaults:\n  - override /search: other\nbudget:\n  trials: 5\nseed: 8\n"
    drop_in("lab", {"experiment/quick": text, "search/other": "# other\n_target_: toys.Toy\nsize: 6\n"})
    groups = [f"{group}=toy" for group in ("workload", "backend", "evaluator", "executor", "tracker")]
    assert mlopt(*groups, "experiment=quick", "seed=9").code == 0
    (made,) = study.made
    assert (made["search"].size, made["budget"].trials, made["seed"]) == (6, 5, 9)


def test_a_config_may_ask_for_a_sweep_itself(tune: Command, study: Any, drop_in: Callable[..., Path]) -> None:
    text = "# @package _global_\n# both\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      seed: 4,5\n"
    drop_in("lab", {"experiment/both": text})
    assert tune("experiment=both", "hydra/launcher=basic").code == 0
    assert [made["seed"] for made in study.made] == [4, 5]


def test_cfg_prints_the_configuration_and_runs_nothing(tune: Command, study: Any) -> None:
    answer = tune("--cfg", "job", "--package", "workload", "workload.size=6")
    assert answer.code == 0
    assert OmegaConf.create(answer.out).size == 6
    assert not study.made
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("--cfg job -p budget.seconds", "null\n"),
        ("--cfg job -p seed", "0\n"),
        ("--cfg all -p hydra.sweep --resolve hydra.sweep.dir=x hydra.sweep.subdir=${seed}", "subdir: '0'\n"),
        ("--cfg hydra -p hydra.run hydra.run.dir=x/${seed}", "# @package hydra.run\ndir: x/${seed}\n"),
        ("--cfg job hydra.run.dir=x/${hydra:job.name}", "  note: ''\n"),
    ],
)
def test_cfg_prints_what_it_is_asked_for(tune: Command, words: str, shown: str) -> None:
    answer = tune(*words.split())
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.endswith(shown)


def test_cfg_leaves_out_what_it_is_not_asked_for(tune: Command) -> None:
    keys = {kind: set(OmegaConf.create(tune("--cfg", kind).out)) for kind in ("job", "hydra", "all")}
    assert keys["hydra"] == {"hydra"}
    assert keys["job"] == keys["all"] - {"hydra"}


def raising(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def test_a_fault_exits_1_and_leaves_its_traceback_in_the_log(
    tune: Command, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "act", raising(ZeroDivisionError("a\nbug")))
    answer = tune("hydra.run.dir=here")
    log = Path("here/mlopt.log").absolute()
    assert answer.code == 1
    assert answer.err == f"mlopt: internal error: a bug; see {log}\n"
    assert "Traceback" in log.read_text()


def test_a_fault_in_a_constructor_is_no_mistake_of_the_user(tune: Command, study: Any) -> None:
    answer = tune("workload.size=13", "hydra.run.dir=here")
    assert answer.code == 1
    assert "ZeroDivisionError: a bug" in Path("here/mlopt.log").read_text()


def test_a_mistake_that_only_the_study_can_see_exits_2(
    tune: Command, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "act", raising(UserError("toy cannot optimise toy")))
    answer = tune()
    assert (answer.code, answer.err) == (2, "mlopt: toy cannot optimise toy\n")


def test_no_valid_schedule_exits_3(tune: Command, study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    error = sys.modules["mlopt.study"].NoValidSchedule("200 trials, none valid")
    monkeypatch.setattr(study, "act", raising(error))
    answer = tune()
    assert (answer.code, answer.err) == (3, "mlopt: 200 trials, none valid\n")


def test_a_failed_study_does_not_end_its_sweep(tune: Command, study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "act", lambda: 1 / (study.made[-1]["seed"] - 1))
    assert tune("-m", "hydra/launcher=basic", "seed=1,2").code == 1
    assert len(study.made) == 2


def test_what_libraries_say_goes_to_the_log(tune: Command, study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def act() -> None:
        warnings.warn("old news", DeprecationWarning, stacklevel=1)
        logging.getLogger("library").warning("hear, hear")

    monkeypatch.setattr(study, "act", act)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        answer = tune("hydra.run.dir=here")
    assert (answer.out, answer.err) == ("", "")
    log = Path("here/mlopt.log").read_text()
    assert "old news" in log
    assert "hear, hear" in log
