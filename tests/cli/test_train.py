"""`mlopt train`: a policy under a name in MLflow's registry, which a study then begins with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlopt.cli.main import main
from mlopt.core.errors import UserError
from mlopt.tracker.store import client, locate
from mlopt.tracker.training import POLICY, TrainingRun, fetch

SMALL = [
    f"training.{key}"
    for key in ("lessons=1", "steps=1", "programs=1", "episodes=1", "hints=1", "held_out=1", "draws=1")
]
CALL = ["train", "programs.kinds=[elementwise]", "executor=inline", "backend.threads=1", *SMALL]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_trained_policy_is_registered_and_found_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CALL, "register=mine", "hydra.run.dir=trained"]) == 0
    assert "search.policy=models:/mine/1" in capsys.readouterr().out
    trained = Path("trained/policy.safetensors").read_bytes()
    assert fetch("models:/mine", None).read_bytes() == trained
    assert fetch("models:/mine/1", None).read_bytes() == trained
    assert main(["train", "resume=trained", "training.steps=2", "tracker=none", "register=null"]) == 0
    log = [json.loads(line) for line in Path("trained/training.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log if "kl" in line] == [1, 2]
    assert log[-1]["trials"] == 2 * log[0]["trials"] == 4  # of as few programs as before
    for missing in ("models:/mine/2", "models:/other"):
        with pytest.raises(UserError, match="registry"):
            fetch(missing, None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["training.step=1"], "steps"),
        (["training.steps=0"], "training.steps"),
        (["resume=nowhere"], "no checkpoint"),
        (["register=mine", "tracker=none"], "tracker=mlflow"),
        (["policy=nowhere.safetensors", "tracker=none"], "policy=nowhere.safetensors"),
        (["policy='~nobody-of-this-name/x'", "tracker=none"], "policy=~nobody-of-this-name/x: cannot be read"),
        (["policy=models:/nothing"], "policy=models:/nothing is no policy"),
        (["network.nests=lsmt", "tracker=none"], "did you mean 'lstm'"),
        (["seed=-1", "tracker=none"], "seed=-1 is not a whole number"),
        (["register=a/b"], "register=a/b must be a name"),
        (['register="it\'s"'], "must be a name"),
    ],
)
def test_a_mistake_is_told_in_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CALL, *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line


def test_a_training_that_goes_on_goes_on_in_its_run_which_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*CALL, "hydra.run.dir=trained"]
    with monkeypatch.context() as patched:
        patched.setattr("mlopt.train.training.Trainer.run", lambda *given, **named: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main([*CALL, "hydra.run.dir=failed"])
    assert main(words) == 0
    assert main(["train", "resume=trained", "training.steps=2"]) == 0
    store = client(locate(None).uri)
    (experiment,) = store.search_experiments(filter_string=f"name = '{POLICY}'")
    runs = store.search_runs([experiment.experiment_id])
    assert sorted(run.info.status for run in runs) == ["FAILED", "FINISHED"]
    (finished,) = [run for run in runs if run.info.status == "FINISHED"]
    assert [each.step for each in store.get_metric_history(finished.info.run_id, "kl")] == [1, 2]


def test_figures_that_a_store_refuses_are_told_of_once_and_what_else_it_refuses_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*given: object) -> None:
        raise ConnectionError("away\nfor long")

    said: list[str] = []
    run = TrainingRun(None, "a training", {"seed": 0}, said.append)
    with monkeypatch.context() as away:
        away.setattr("mlflow.MlflowClient.log_batch", fail)
        away.setattr("mlflow.MlflowClient.log_artifact", fail)
        run.log(1, {"kl": 0.1})
        run.log(2, {"kl": 0.1})
        with pytest.raises(
            UserError, match="does not keep the policy, which is in a/file: ConnectionError: away for long"
        ):
            run.finish([Path("a/file")], None)
        run.close("FINISHED")
    assert said == ["MLflow has no figures of step 1 (ConnectionError: away for long); training goes on"]
    again = TrainingRun(None, "a training", {"seed": 0}, said.append, run.id)
    again.log(3, {"kl": 0.1})
    assert again.id == run.id
    assert TrainingRun(None, "a training", {"seed": 0}, said.append, "0" * 32).id != run.id
