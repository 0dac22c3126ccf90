import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlopt.core.errors import UserError
from mlopt.protocols import StudyInfo
from mlopt.testing.tracker import RESULT, TRIALS, TrackerContract
from mlopt.tracker import mlflow as module
from mlopt.tracker import view
from mlopt.tracker.mirror import Mirror
from mlopt.tracker.mlflow import Mlflow, writer
from mlopt.tracker.pages import attach
from mlopt.tracker.query import fetch
from mlopt.tracker.store import environment
from mlopt.tracker.writer import _mirror as mirror
from mlopt.tracker.writer import check_reachable

CONFIG = {
    "workload": {"name": "matmul", "shape": [8, 8]},
    "odd/key?": "x" * 7000,
    "many": {f"k{i}": i for i in range(120)},
    "search": {"_target_": "mlopt.search.evolve.Evolve", "hints": True, "warm_start": None},
    "tracker": {"uri": "elsewhere"},
    "resume": None,
    "backend": {"_target_": "mlopt.backend.mlir.backend.Mlir"},
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
        (folder / name / ".hydra").mkdir()
        for file in ("trials.jsonl", "result.json", "best/payload.mlir", ".hydra/config.yaml"):
            (folder / name / file).write_text(f"{file} of {name}")
        tracker = Mlflow(f"sqlite:///{folder}/mlflow.db", "mine")
        tracker.start(StudyInfo(name, folder / name, CONFIG, TAGS, sweep=folder))
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


def test_params_leave_out_what_does_not_tell_studies_apart(client: Any) -> None:
    params = find(client, "attributes.run_name = 'first'").data.params
    assert {key for key in params if not key.startswith("many.")} == {
        "workload.name", "workload.shape", "odd_key_", "search.hints",
    }  # fmt: skip


def test_an_experiment_opens_on_the_table_of_its_studies(client: Any, folder: Path) -> None:
    """An older one, too, without losing what its users have set."""
    from mlopt.tracker.run import Run

    assert dict(client.get_experiment_by_name("mine").tags).items() >= view.TAGS.items()
    client.create_experiment("older", tags={"mlflow.experimentKind": "theirs"})
    Run(Mirror(uri=f"sqlite:///{folder}/mlflow.db", experiment="older", name="any"), folder / "first")
    assert client.get_experiment_by_name("older").tags == {**view.TAGS, "mlflow.experimentKind": "theirs"}


@pytest.mark.usefixtures("client")  # which says how MLflow may be loaded
def test_the_columns_of_the_table_are_figures_of_studies_that_execute_and_of_those_that_simulate() -> None:
    from mlopt.tracker.run import figures

    (shown,) = (json.loads(value) for key, value in view.TAGS.items() if "sharedViewState" in key)
    columns = {column for column in shown["selectedColumns"] if column.startswith("metrics.")}
    executed = figures({"best": {"seconds": 2e-3}, "speedup": {"naive": 4.0, "torch": 1.0}})
    simulated = figures({"best": {"cost": 12.0}, "speedup": {}})
    assert simulated == {"simulated_cost": 12.0}
    assert columns == {f"metrics.`{name}`" for name in (*executed, *simulated)}


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
    assert (copy / "config.yaml").read_text() == ".hydra/config.yaml of first"


def test_the_description_is_the_table_of_the_result(client: Any) -> None:
    assert "| naive | 8.000 ms |" in find(client, "attributes.run_name = 'first'").data.tags["mlflow.note.content"]


def test_studies_of_a_sweep_lie_below_its_run(client: Any, folder: Path) -> None:
    sweep = find(client, f"attributes.run_name = '{folder.name}'")
    for name in ("first", "second"):
        assert find(client, f"attributes.run_name = '{name}'").data.tags["mlflow.parentRunId"] == sweep.info.run_id
    assert sweep.info.status == "FINISHED"


def test_the_comparison_of_a_sweep_is_an_artifact_of_its_run(client: Any, folder: Path, tmp_path: Path) -> None:
    (folder / "compare.html").write_text("a page")
    (folder / "compare").mkdir()
    (folder / "compare" / "methods.md").write_text("a table")
    helper = attach(folder, ["compare.html", "compare", "no-such-file"], "compare/methods.md")
    assert helper is not None
    assert helper.communicate(timeout=100.0) == (b"", None)
    run = find(client, f"attributes.run_name = '{folder.name}'").info.run_id
    assert client.get_run(run).data.tags["mlflow.note.content"] == "a table"
    copy = Path(client.download_artifacts(run, "", str(tmp_path)))
    assert (copy / "compare.html").read_text() == "a page"
    assert (copy / "compare" / "methods.md").read_text() == "a table"
    assert attach(tmp_path, []) is None


def send(folder: Path) -> None:
    """What `mlopt sync` does."""
    with writer(folder, subprocess.DEVNULL) as helper:
        assert helper.communicate(timeout=100.0) == (b"", None)


LAST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def log(folder: Path) -> None:
    """The log of a study that was killed in the midst of a line, after its `LAST` trial."""
    folder.mkdir(parents=True)
    trials = [replace(trial, finished=LAST.isoformat()) for trial in TRIALS]
    lines = "".join(json.dumps(trial.to_json()) + "\n" for trial in trials)
    (folder / "trials.jsonl").write_text(f'{lines}{{"trial": 4')


def test_what_a_killed_study_has_not_sent_is_sent_from_its_files(client: Any, folder: Path) -> None:
    log(folder / "third")
    Mirror(uri=f"sqlite:///{folder}/mlflow.db", experiment="mine", name="third").write(folder / "third")
    send(folder / "third")
    run = find(client, "attributes.run_name = 'third'")
    assert run.info.status == "KILLED"
    assert [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "cost")] == [(9, 12.0)]
    assert Mirror.read(folder / "third").sent == len(TRIALS)  # type: ignore[union-attr]


def test_what_is_sent_later_began_and_ended_when_it_did(client: Any, folder: Path) -> None:
    """The one study by its result, the other one, which was killed before, by its last trial; so did the sweep."""
    sweep, ended = folder / "late", datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    for number in ("0", "1"):
        log(sweep / number)
        uri = f"sqlite:///{folder}/mlflow.db"
        Mirror(uri=uri, experiment="mine", name=f"late {number}", sweep=str(sweep), started=1e9).write(sweep / number)
    (sweep / "0" / "result.json").write_text(json.dumps({**RESULT, "finished": ended.isoformat()}))
    for number in ("0", "1"):
        mirror(sweep / number, [])  # as `mlopt sync` does, but in this process, which has loaded MLflow
    first, second, whole = (
        find(client, f"attributes.run_name = '{name}'").info for name in ("late 0", "late 1", "late")
    )
    assert [run.start_time for run in (first, second, whole)] == [1_000_000_000_000] * 3
    assert second.end_time == 1000 * LAST.timestamp()
    assert first.end_time == whole.end_time == 1000 * ended.timestamp()


def test_a_study_that_is_gone_on_with_goes_on_with_its_run(client: Any, folder: Path) -> None:
    (folder / "fourth").mkdir()
    info = StudyInfo("fourth", folder / "fourth", {}, {})
    for earlier, end in ((0, {**RESULT, "interrupted": True}), (8, RESULT)):
        tracker = Mlflow(f"sqlite:///{folder}/mlflow.db", "mine")
        tracker.start(replace(info, trials=TRIALS[:earlier]))
        for trial in TRIALS[earlier : earlier + 8]:
            tracker.log(trial)
        tracker.finish(end)
        status = find(client, "attributes.run_name = 'fourth'").info.status
        assert status == ("KILLED" if end.get("interrupted") else "FINISHED")
    run_id = find(client, "attributes.run_name = 'fourth'").info.run_id
    best = {m.step: m.value for m in client.get_metric_history(run_id, "best_seconds")}
    assert best == {7: 3e-3, 8: 3e-3, 9: 2e-3}
    assert [m.step for m in client.get_metric_history(run_id, "cost")] == [9]


def test_a_server_that_nobody_runs_is_found_out_at_once() -> None:
    with pytest.raises(OSError, match=r"no server answers at 127\.0\.0\.1:1:"):
        check_reachable("http://127.0.0.1:1")
    check_reachable("sqlite:///here.db")


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
        warning = self.mirror(tracker, study, caplog)
        assert "file is not a database" in warning
        assert f"mlopt sync {tmp_path}" in warning

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

    run = Run(Mirror(uri=f"sqlite:///{folder}/mlflow.db", experiment="mine", name="fifth"), folder / "first")
    trial = {"ok": True, "compile_seconds": None, "time": 1.0, "spent": {"model_money": 0.25}}
    run.add([{**trial, "trial": 0, "seconds": 0.5, "cost": 1.0}, {**trial, "trial": 1, "seconds": None, "cost": 9.0}])
    metrics = find(client, "attributes.run_name = 'fifth'").data.metrics
    assert (metrics["best_seconds"], metrics["best_cost"], metrics["model_money"]) == (0.5, 1.0, 0.25)


def test_a_query_finds_studies_in_their_folders_or_by_their_artifacts(
    client: Any, folder: Path, tmp_path: Path
) -> None:
    uri = f"sqlite:///{folder}/mlflow.db"
    query = "tags.search = 'evolve' and attributes.run_name = '{}'"
    first = find(client, "attributes.run_name = 'first'").info.run_id
    Mirror(uri=uri, experiment="mine", name="first", run=first).write(folder / "first")
    assert fetch(query.format("first"), uri, tmp_path) == [folder / "first"]
    (folder / "second" / "mlflow.json").unlink()  # now it is any folder
    (fetched,) = fetch(query.format("second"), uri, tmp_path)
    assert fetched.is_relative_to(tmp_path)
    for file in ("trials.jsonl", "result.json", ".hydra/config.yaml"):
        assert (fetched / file).read_text() == f"{file} of second"


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("attributes.run_name = 'third'", "finds no study that has ended"),  # it was killed
        ("attributes.run_name = 'nobody'", "finds no study that has ended"),
        ("serach = 'evolve'", "Invalid"),
    ],
)
def test_a_query_that_finds_nothing_is_told_in_one_line(
    client: Any, folder: Path, tmp_path: Path, query: str, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        fetch(query, f"sqlite:///{folder}/mlflow.db", tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "complaint"), [("sqlite:///none.db", "there is no"), ("http://127.0.0.1:1", "no server answers")]
)
def test_a_store_that_is_not_there_is_told_in_one_line(tmp_path: Path, uri: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        fetch("", uri, tmp_path)
