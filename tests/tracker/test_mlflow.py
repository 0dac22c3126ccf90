import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlopt.protocols import StudyInfo
from mlopt.testing.tracker import RESULT, TRIALS, TrackerContract
from mlopt.tracker import mlflow as module
from mlopt.tracker.mlflow import Mlflow
from mlopt.tracker.store import environment

CONFIG = {
    "workload": {"name": "matmul", "shape": [8, 8]},
    "odd/key?": "x" * 7000,
    "many": {f"k{i}": i for i in range(120)},
}
TAGS = {"workload": "matmul", "backend": "mlir", "search": "evolve", "evaluator": "execution", "machine": "here"}


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """What these tests look at must not depend on how busy the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FINISH_SECONDS", 100.0)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store made by two studies, `first` and `second`, that raced for its creation."""
    folder = tmp_path_factory.mktemp("store")
    trackers = []
    for name in ("first", "second"):
        (folder / name / "best").mkdir(parents=True)
        for file in ("trials.jsonl", "result.json", "best/payload.mlir"):
            (folder / name / file).write_text(f"{file} of {name}")
        tracker = Mlflow(f"sqlite:///{folder}/mlflow.db", "mine")
        tracker.start(StudyInfo(name, folder / name, CONFIG, TAGS))
        trackers.append(tracker)
    for tracker in trackers:
        for trial in TRIALS:
            tracker.log(trial)
    trackers[0].finish(RESULT)
    trackers[1].finish(None)
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient

        yield MlflowClient(f"sqlite:///{folder}/mlflow.db")


def find(client: Any, query: str) -> Any:
    """The one run of the experiment that a query finds."""
    (run,) = client.search_runs([client.get_experiment_by_name("mine").experiment_id], query)
    return run


class TestMlflow(TrackerContract):
    @pytest.fixture(autouse=True)
    def nothing_is_lost(self, folder: Path, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        self.folder = folder
        yield
        assert caplog.messages == []

    def make(self, folder: Path) -> Mlflow:
        return Mlflow(f"sqlite:///{self.folder}/mlflow.db", "contract")


def test_studies_that_race_for_a_fresh_store_are_both_mirrored(client: Any) -> None:
    assert find(client, "attributes.run_name = 'first'").info.status == "FINISHED"
    assert find(client, "attributes.run_name = 'second'").info.status == "FAILED"


def test_a_study_is_found_by_its_tags_and_its_main_figures(client: Any) -> None:
    query = " and ".join(f"tags.{key} = '{value}'" for key, value in TAGS.items())
    run = find(client, f"{query} and metrics.speedup_naive > 3.9 and metrics.final_seconds < 0.003")
    assert run.info.run_name == "first"


def test_params_are_the_flattened_config_within_the_limits_of_mlflow(client: Any) -> None:
    params = find(client, "attributes.run_name = 'first'").data.params
    assert params["workload.name"] == "matmul"
    assert params["workload.shape"] == "[8, 8]"
    assert params["odd_key_"] == "x" * 6000
    assert {f"many.k{i}" for i in range(120)} < set(params)


def test_each_number_of_a_trial_is_drawn_at_its_own_step(client: Any) -> None:
    run_id = find(client, "attributes.run_name = 'first'").info.run_id
    curve = {key: [(m.step, m.value) for m in client.get_metric_history(run_id, key)] for key in ("seconds", "cost")}
    assert sorted(curve["seconds"]) == [(7, 3e-3), (8, 2e-3)]
    assert curve["cost"] == [(9, 12.0)]
    assert sorted(m.step for m in client.get_metric_history(run_id, "compile_seconds")) == [7, 8]


def test_the_best_and_the_failures_so_far_are_drawn_over_the_trials_done(client: Any) -> None:
    run_id = find(client, "attributes.run_name = 'first'").info.run_id
    best = {m.step: m.value for m in client.get_metric_history(run_id, "best_seconds")}
    failures = {m.step: m.value for m in client.get_metric_history(run_id, "failures")}
    assert best[7] == 3e-3
    assert best[9] == 2e-3
    assert failures[6] == failures[9] == 6.0


def test_the_files_of_the_study_are_its_artifacts(client: Any, folder: Path, tmp_path: Path) -> None:
    run = find(client, "attributes.run_name = 'first'")
    assert run.info.artifact_uri.startswith(str(folder / "mlartifacts"))
    copy = Path(client.download_artifacts(run.info.run_id, "", str(tmp_path)))
    for file in ("trials.jsonl", "result.json", "best/payload.mlir"):
        assert (copy / file).read_text() == f"{file} of first"


def test_the_description_is_the_table_of_the_result(client: Any) -> None:
    assert "| naive | 8.000 ms |" in find(client, "attributes.run_name = 'first'").data.tags["mlflow.note.content"]


def test_the_run_of_a_study_that_was_killed_is_closed_as_killed(client: Any, folder: Path) -> None:
    study = {
        "uri": f"sqlite:///{folder}/mlflow.db",
        "database": f"{folder}/mlflow.db",
        "artifacts": None,
        "experiment": "mine",
        "name": "third",
        "directory": str(folder / "first"),
        "config": {},
        "tags": {},
    }
    command = [sys.executable, "-P", "-m", "mlopt.tracker.writer"]
    subprocess.run(command, input=json.dumps([study]) + "\n", text=True, env=environment(), check=True, timeout=60)
    assert find(client, "attributes.run_name = 'third'").info.status == "KILLED"


def test_the_run_of_a_study_that_was_interrupted_is_closed_as_killed(client: Any, folder: Path) -> None:
    tracker = Mlflow(f"sqlite:///{folder}/mlflow.db", "mine")
    tracker.start(StudyInfo("interrupted", folder / "first", {}, {}))
    tracker.finish({**RESULT, "interrupted": True})
    assert find(client, "attributes.run_name = 'interrupted'").info.status == "KILLED"


class TestAFailingStore:
    @pytest.fixture
    def study(self, tmp_path: Path) -> StudyInfo:
        return StudyInfo("matmul", tmp_path, {}, {})

    def mirror(self, tracker: Mlflow, study: StudyInfo, caplog: pytest.LogCaptureFixture) -> str:
        """Take a study through the tracker; the one warning that it logs."""
        with caplog.at_level(logging.WARNING):
            tracker.start(study)
            for trial in TRIALS:
                tracker.log(trial)
            tracker.finish(RESULT)
        (warning,) = caplog.messages
        return warning

    def test_costs_one_warning_that_says_why(
        self, study: StudyInfo, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "mlflow.db").write_text("this is no database" * 100)
        tracker = Mlflow(f"sqlite:///{tmp_path}/mlflow.db", "mine")
        assert "file is not a database" in self.mirror(tracker, study, caplog)

    def test_is_not_waited_for_without_end(
        self, study: StudyInfo, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "FINISH_SECONDS", 0.1)
        tracker = Mlflow(f"sqlite:///{tmp_path}/mlflow.db", "mine")
        assert "within 0.1 s" in self.mirror(tracker, study, caplog)


def test_the_studys_own_process_never_loads_mlflow() -> None:
    code = "import sys, mlopt.tracker.mlflow; sys.exit('mlflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True, timeout=60)


def test_the_best_cost_is_that_of_all_trials_executed_or_not(client: Any, folder: Path) -> None:
    from mlopt.tracker.run import Run

    study = {"uri": f"sqlite:///{folder}/mlflow.db", "database": None, "artifacts": None, "experiment": "mine"}
    run = Run({**study, "name": "fourth", "directory": str(folder / "first"), "config": {}, "tags": {}})
    trial = {"ok": True, "compile_seconds": None, "time": 1.0}
    run.add([{**trial, "trial": 0, "seconds": 0.5, "cost": 1.0}, {**trial, "trial": 1, "seconds": None, "cost": 9.0}])
    metrics = find(client, "attributes.run_name = 'fourth'").data.metrics
    assert (metrics["best_seconds"], metrics["best_cost"]) == (0.5, 1.0)
