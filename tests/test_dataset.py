"""What studies measured, as a table."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.cli.main import main
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.testing.space import walks
from mlopt.workloads.matmul.workload import Matmul

CONFIG = """
workload: {_target_: mlopt.workloads.matmul.workload.Matmul, m: 8, n: 8, k: 8, dtype: f32}
backend: {_target_: mlopt.backend.mlir.backend.Mlir, threads: 1}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of a product with two trials, of which one failed."""
    first, second = walks(Mlir(threads=1).space(Matmul(8, 8, 8)))[:2]
    trials = [
        Trial(0, first, Status.OK, 1e-6, (0.9e-6, 1.1e-6), 0.05, {"drift": 0.01}),
        Trial(1, second, Status.TIMEOUT, error="too long"),
    ]
    (tmp_path / "study" / ".hydra").mkdir(parents=True)
    (tmp_path / "study" / ".hydra" / "config.yaml").write_text(CONFIG)
    (tmp_path / "study" / "trials.jsonl").write_text("".join(f"{json.dumps(t.to_json())}\n" for t in trials))
    result = {
        "workload": {"name": "matmul", "m": 8},
        "threads": 1,
        "fingerprint": {"cpu": "here"},
        "best": {"trial": 0, "schedule": first.values(), "seconds": 1e-6},
    }
    (tmp_path / "study" / "result.json").write_text(json.dumps(result))
    return tmp_path / "study"


def test_each_trial_is_a_row_with_its_decisions_features_and_times(
    study: Path, own_device: None, capsys: pytest.CaptureFixture[str]
) -> None:
    from pyarrow import parquet

    assert main(["dataset", str(study)]) == 0
    assert capsys.readouterr().out == f"{study}/dataset.parquet: 2 trials of a study\n"
    first, second = parquet.read_table(study / "dataset.parquet").to_pylist()
    assert Schedule.of(json.loads(first["schedule"])) == walks(Mlir(threads=1).space(Matmul(8, 8, 8)))[0]
    assert (first["status"], first["seconds"], first["samples"]) == ("ok", 1e-6, [0.9e-6, 1.1e-6])
    assert (second["status"], second["seconds"], second["samples"]) == ("timeout", None, [])
    assert len(first["features"]) == len(second["features"]) > 0
    assert dict(first["ir"])["cost"] > 0.0
    assert dict(first["metrics"]) == {"drift": 0.01}
    assert (first["machine"], first["threads"]) == ("here", 1)


def test_what_holds_no_study_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", str(tmp_path)]) == 2
    assert main(["dataset", str(tmp_path / "none")]) == 2
    assert main(["dataset"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_a_study_of_several_that_found_nothing_is_left_out_and_named(
    study: Path, own_device: None, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(study, study.parent / "other")
    (study.parent / "other" / "result.json").unlink()
    assert main(["dataset", str(study.parent)]) == 0
    said = capsys.readouterr()
    assert said.out.endswith("dataset.parquet: 2 trials of a study\n")
    assert said.err.startswith(f"mlopt: left out: {study.parent}/other has no result.json yet")
    (study / "result.json").unlink()
    assert main(["dataset", str(study.parent)]) == 2
    assert capsys.readouterr().err.endswith("mlopt: none of 2 studies found a valid schedule\n")
