"""`mlopt -m` and `mlopt compare`, as users call them, on a recorded space."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import Answer, Mlopt

from mlopt.cli.main import main
from mlopt.cli.sweep.finished import objective
from mlopt.cli.sweep.words import sweep_settings
from mlopt.core.errors import UserError
from mlopt.executor.ray import connection


@pytest.fixture
def mlopt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], logging_restored: None
) -> Mlopt:
    """The command, replaying a record in an otherwise empty folder."""
    monkeypatch.chdir(tmp_path)
    seconds = {x: x % 11 + x for x in range(40) if x % 7}
    lines = [
        {"trial": x, "schedule": {"x": x}, "status": "ok" if x in seconds else "crash", "seconds": seconds.get(x)}
        for x in range(40)
    ]
    Path("space.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def answer(*words: str) -> Answer:
        return Answer(main(["experiment=replay", "workload.path=space.jsonl", *words]), *capsys.readouterr())

    return answer


def log(folder: str) -> list[Any]:
    """The schedules of a study by the numbers of their trials, which may end in another order."""
    trials = map(json.loads, Path(folder, "trials.jsonl").read_text().splitlines())
    return [trial["schedule"] for trial in sorted(trials, key=lambda trial: trial["trial"])]


def test_a_sweep_runs_its_studies_and_compares_them(mlopt: Mlopt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlopt.waiting.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("mlopt.executor.device.holder", lambda: 1)  # which is nothing to who replays a record
    answer = mlopt("-m", "search=random,grid", "seed=range(2)", "budget.trials=12", "hydra.sweep.dir=sweep")
    assert (answer.code, answer.err) == (0, "")
    for study in range(4):
        assert json.loads(Path("sweep", str(study), "result.json").read_text())["trials"] == 12
    found = json.loads(Path("sweep/compare.json").read_text())
    assert set(found["methods"]) == {"random", "grid"}
    assert [len(method["best"]) for method in found["methods"].values()] == [2, 2]
    (pair,) = found["pairs"]
    assert {pair["a"], pair["b"]} == {"random", "grid"}
    assert pair["p"] <= pair["p_holm"] <= 1.0
    assert "random" in answer.out
    assert "waiting for" not in answer.out
    assert len(re.findall(r"best [\d.]+ s, in sweep/\d", answer.out)) == 4

    Path("sweep/compare.json").unlink()
    assert main(["compare", "sweep", "--out", "elsewhere"]) == 0
    assert json.loads(Path("elsewhere/compare.json").read_text()) == found

    shutil.copytree("sweep/0", "copy")
    assert main(["compare", "sweep", "copy", "--out", "elsewhere"]) == 0
    copied = json.loads(Path("elsewhere/compare.json").read_text())
    assert copied == {**found, "notes": ["1 study is a copy of others, trial by trial", *found["notes"]]}

    # A query of MLflow may find studies that are named besides.
    queried = [Path("sweep", str(study)) for study in (1, 2, 3)]
    monkeypatch.setattr("mlopt.tracker.query.fetch", lambda query, uri, into: queried)
    assert main(["compare", "sweep/0", "sweep/1", "--mlflow", "a query", "--out", "queried"]) == 0
    assert json.loads(Path("queried/compare.json").read_text()) == found

    # What one study found does not depend on those beside it.
    assert mlopt("search=random", "seed=1", "budget.trials=12", "hydra.run.dir=alone").code == 0
    assert log("alone") == log("sweep/1")


def test_an_interrupted_sweep_is_finished(mlopt: Mlopt) -> None:
    words = ("-m", "search=random", "seed=range(2)", "budget.trials=3")
    assert mlopt(*words, "hydra.sweep.dir=sweep").code == 0
    before = log("sweep/1")
    kept = Path("sweep/0/result.json").stat().st_mtime_ns
    Path("sweep/1/result.json").unlink()
    trials = Path("sweep/1/trials.jsonl")
    first, *_ = trials.read_text().splitlines(keepends=True)
    trials.write_text(first)
    assert mlopt(*words, "sweep.resume=sweep").code == 0
    assert log("sweep/1") == before
    assert trials.read_text().startswith(first)  # not measured again
    assert Path("sweep/0/result.json").stat().st_mtime_ns == kept
    assert json.loads(Path("sweep/1/result.json").read_text())["trials"] == 3
    assert mlopt(*words, "sweep.resume=sweep").code == 0  # it is still the same study
    shutil.rmtree("sweep/1")

    answer = mlopt(*words, "search=grid", "sweep.resume=sweep")
    assert answer.code == 2
    assert "sweep/0 holds another study" in answer.err
    assert not Path("sweep/1").exists()


def test_a_study_that_fails_touches_no_other(mlopt: Mlopt) -> None:
    Path("broken.jsonl").write_text("nonsense\n")
    words = ("hydra.sweep.dir=sweep", "budget.trials=3", "search=random", "sweep.studies=1")
    answer = mlopt("-m", "workload.path=broken.jsonl,space.jsonl", *words)
    assert answer.code == 2
    assert "line 1: no trial" in answer.out
    assert "a study is left out that has not ended: sweep/0\n" in answer.out
    assert len(log("sweep/1")) == 3


def test_studies_that_try_nothing_are_not_compared_and_reach_nothing(mlopt: Mlopt) -> None:
    answer = mlopt("-m", "seed=0,1", "search=random", "budget.seconds=1e-9", "hydra.sweep.dir=sweep")
    assert (answer.code, answer.err) == (3, "")
    assert answer.out.count("ended before the first trial did") == 2
    assert not Path("sweep/compare.json").exists()
    assert {objective(Path("sweep", str(number))) for number in range(2)} == {math.inf}


def test_a_sweep_that_is_not_there_cannot_be_resumed() -> None:
    with pytest.raises(UserError, match="nowhere"):
        sweep_settings(["-m", "sweep.resume=nowhere"])


def test_folders_that_hold_no_study_cannot_be_compared(mlopt: Mlopt, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    assert main(["compare", "empty"]) == 2
    assert main(["compare", "nowhere"]) == 2
    assert main(["compare", "--mlflow", "a query", "--uri", "sqlite:///none.db"]) == 2
    assert main(["compare", "empty", "--uri", "sqlite:///none.db"]) == 2
    assert main(["compare"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "mlopt: no study has ended in empty",
        "mlopt: there is no folder nowhere",
        f"mlopt: no study was mirrored here yet: there is no {Path.cwd()}/none.db",
        "mlopt: compare: --uri says where --mlflow QUERY looks",
        "mlopt: compare: it needs the folder of a study or a sweep, or --mlflow QUERY",
    ]


SWEEPER = """
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper


class Halving(Sweeper):
    def setup(self, *, hydra_context, task_function, config):
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments):
        words = [word for word in arguments if "=interval" not in word]
        seeds = [[*words, f"seed={seed}"] for seed in range(2)]
        reached = [job.return_value for job in self.launcher.launch(seeds, initial_job_idx=0)]
        best = reached.index(min(reached))
        self.launcher.launch([[*words, f"seed={best}", "budget.trials=9"]], initial_job_idx=2)
"""


def test_somebody_elses_sweeper_learns_what_studies_reached(mlopt: Mlopt) -> None:
    """In a process of its own, since Hydra looks for plugins once."""
    Path("hydra_plugins").mkdir()
    Path("hydra_plugins/halving.py").write_text(SWEEPER)
    Path("plugins/halving/conf/hydra/sweeper").mkdir(parents=True)
    Path("plugins/halving/conf/hydra/sweeper/halving.yaml").write_text("_target_: hydra_plugins.halving.Halving\n")
    words = ["experiment=replay", "workload.path=space.jsonl", "search=random", "budget.trials=2"]
    sweep = ["hydra/sweeper=halving", "seed=interval(0,9)", "hydra.sweep.dir=sweep"]
    done = subprocess.run(
        [sys.executable, "-m", "mlopt.cli.main", "-m", *words, *sweep],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    reached = [json.loads(Path("sweep", str(n), "result.json").read_text())["best"]["seconds"] for n in (0, 1)]
    last = json.loads(Path("sweep/2/result.json").read_text())
    assert (last["seed"], last["trials"]) == (reached.index(min(reached)), 9)


def test_studies_of_a_sweep_share_one_ray(mlopt: Mlopt, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    start = connection._start
    monkeypatch.setattr(connection, "_start", lambda *arguments: started.append(start(*arguments)))
    words = ("search=random", "seed=range(2)", "budget.trials=3", "executor=ray", "executor.slots=1")
    answer = mlopt("-m", *words, "hydra.sweep.dir=sweep")
    assert (answer.code, answer.err) == (0, ""), answer.out
    assert len(started) == 1
    for study in range(2):
        assert len(log(f"sweep/{study}")) == 3
