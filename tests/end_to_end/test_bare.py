"""With PyTorch, Triton, numpy, Hydra and OmegaConf alone, kernels for GPUs are compiled, verified and ranked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hiding
import pytest

import mlopt

pytest.importorskip("triton")

CHOICES = ("backend=triton", "target=h200", "evaluator=simulation", "executor=local", "tracker=none", "search=evolve")
STUDY = (*CHOICES, "workload=matmul", "workload.m=64", "workload.n=64", "workload.k=64", "workload.dtype=f16")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """For PYTHONPATH: every process below hides what is not needed, which is found out once for all."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "sitecustomize.py").write_text(f"import hiding\n\nhiding.hide({hiding.unneeded()})\n")
    return os.pathsep.join(map(str, (folder, Path(hiding.__file__).parent, Path(mlopt.__file__).parents[1])))


@pytest.fixture
def run(tmp_path: Path, path: str) -> Run:
    """The command, in an empty folder."""

    def answer(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mlopt.cli.main", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
        )

    return answer


def test_nothing_else_can_be_imported_there(path: str) -> None:
    code = "import torch, triton, numpy, hydra, omegaconf, yaml; import pydantic"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'pydantic'"


def test_a_study_ends_with_its_files_written(run: Run, tmp_path: Path) -> None:
    done = run(*STUDY, "budget.trials=2", "budget.trial_seconds=100", "hydra.run.dir=study")
    assert (done.returncode, done.stderr) == (0, "")
    assert "that needs pydantic" in done.stdout
    study = tmp_path / "study"
    found = json.loads((study / "result.json").read_text())
    assert found["trials"] == 2
    assert found["best"]["cost"] > 0
    trials = [json.loads(line) for line in (study / "trials.jsonl").read_text().splitlines()]
    assert "ok" in [trial["status"] for trial in trials]
    assert {"kernel.py", "config.json", "rerun.py"} <= {file.name for file in (study / "best").iterdir()}
    assert not (tmp_path / "outputs" / "archive.db").exists()


def test_options_and_configurations_are_shown(run: Run) -> None:
    listed = run("list", "backend")
    assert "triton" in [line.split()[1] for line in listed.stdout.splitlines()]
    shown = run(*STUDY, "--cfg", "job")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "dtype: f16" in shown.stdout
    assert run("--help").returncode == 0


def test_the_doctor_finds_nothing_broken_and_says_what_is_not_installed(run: Run) -> None:
    done = run("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    (mlir,) = (line for line in done.stdout.splitlines() if line.startswith("MLIR bindings"))
    assert mlir.split()[2:5] == ["absent", "not", "installed"]
    assert "pip install torch-mlir" in mlir
    assert " broken " not in done.stdout


@pytest.mark.parametrize(
    ("words", "lacking"),
    [
        (
            (*STUDY, "archive.url=sqlite:///kept.db"),
            "archive.url=sqlite:///kept.db needs pydantic",
        ),
        ((*STUDY, "tracker=mlflow"), "the module pydantic, which is not installed"),
        ((*STUDY, "workload.dtype=bf16"), "numpy knows no bfloat16: install ml_dtypes"),
        (("report", "."), "the module pydantic, which is not installed"),
    ],
)
def test_what_needs_more_says_so_in_a_line(run: Run, words: tuple[str, ...], lacking: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert lacking in done.stderr
    assert done.stderr.count("\n") == 1
