"""`mlopt train`: a policy under a name in MLflow's registry, which a study then begins with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlopt.cli.main import main
from mlopt.core.errors import UserError
from mlopt.tracker.training import fetch

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
    ],
)
def test_a_mistake_is_told_in_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CALL, *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line
