"""Studies whose schedules a language model proposes, by the command as users call it, on a recorded space."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from command import Answer, Mlopt

from mlopt.cli.main import main
from mlopt.testing.models import Reply, Server, closed_port, says

KEY = "sk-secret"
X, Y = (1, 2, 4, 8), (1, 2, 4)


@pytest.fixture
def mlopt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], logging_restored: None
) -> Mlopt:
    """A study of a T4 file in an empty folder, where the environment holds a key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("A_KEY", KEY)
    results = [
        {
            "configuration": {"x": x, "y": y},
            "times": {"compilation": 1.0, "runtimes": [x + y]},
            "invalidity": "correct",
            "measurements": [{"name": "time", "value": x + y, "unit": ""}],
        }
        for x in X
        for y in Y
    ]
    Path("space.json").write_text(json.dumps({"metadata": {"timeunit": "miliseconds"}, "results": results}))

    def answer(*words: str) -> Answer:
        study = ("experiment=replay", "workload.path=space.json", "search=llm", "search.endpoint.key_variable=A_KEY")
        return Answer(main([*study, "search.endpoint.retries=0", *words]), *capfd.readouterr())

    return answer


def indiscreet(body: Mapping[str, Any], number: int) -> Reply:
    """Two new schedules an answer, which repeats the key; after three answers an error, which repeats it too."""
    if number == 3:
        return 401, {}, f"unknown key {KEY}".encode()
    proposals = [{"reason": f"your key is {KEY}", "schedule": {"x": X[number], "y": y}} for y in Y[:2]]
    return says(json.dumps({"proposals": proposals}), tokens=(1000, 100))


def log(folder: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(folder, "trials.jsonl").read_text().splitlines()]


def test_a_key_is_sent_and_found_nowhere_and_each_trial_says_its_price(mlopt: Mlopt, tmp_path: Path) -> None:
    words = ("search.proposals=2", "search.limits.input_price=2", "search.limits.output_price=10")
    store = ("tracker=mlflow", f"tracker.uri=sqlite:///{tmp_path}/mlflow.db")
    with closing(Server(indiscreet)) as server:
        answer = mlopt(f"search.endpoint.url={server.url}", *words, *store, "hydra.run.dir=study")
    assert answer.code == 0
    assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert [path for path, content in written.items() if KEY.encode() in content] == []
    assert KEY not in answer.out + answer.err
    assert b"your key is ***" in written[tmp_path / "study" / "transcript.jsonl"]
    trials = log("study")
    assert [trial["origin"] for trial in trials] == ["model"] * 6 + ["expert"] * 6
    assert sum(trial["metrics"].get("model_money", 0.0) for trial in trials) == pytest.approx(3 * 0.003)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as mirrored:
        values = [value for (value,) in mirrored.execute("select value from metrics where key = 'model_money'")]
    assert values == pytest.approx([0.0015] * 6)


def test_a_transcript_replays_a_study_without_its_server(mlopt: Mlopt) -> None:
    with closing(Server(indiscreet)) as server:
        url = f"search.endpoint.url={server.url}"
        assert mlopt(url, "search.proposals=2", "hydra.run.dir=first").code == 0
    again = ("search.transcript=first/transcript.jsonl", f"search.endpoint.url={closed_port()}")
    assert mlopt(*again, "search.proposals=2", "hydra.run.dir=again").code == 0
    first, second = ([(t["schedule"], t["origin"], t["seconds"]) for t in log(name)] for name in ("first", "again"))
    assert first == second


def test_without_a_model_and_with_nobody_to_step_in_the_call_was_a_mistake(mlopt: Mlopt) -> None:
    answer = mlopt("search.fallback=none", f"search.endpoint.url={closed_port()}", "hydra.run.dir=study")
    assert answer.code == 2
    (line,) = answer.err.splitlines()
    assert "search.fallback=none, and there is no model to propose" in line
    assert not Path("study/result.json").exists()
