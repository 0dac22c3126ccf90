"""`mlopt export`: from a study's folder to a library, or one line that says why not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.cli.main import main
from mlopt.core.fingerprint import fingerprint
from mlopt.testing.space import walks
from mlopt.workloads.matmul.workload import Matmul

CONFIG = """
workload: {_target_: mlopt.workloads.matmul.workload.Matmul, m: 8, n: 8, k: 8, dtype: f32}
backend: {_target_: mlopt.backend.mlir.backend.Mlir, threads: all}
seed: 3
evaluator: {seed: "${seed}"}
"""
TOY = CONFIG.replace("mlopt.backend.mlir.backend.Mlir, threads: all", "doubles.ToyBackend")
WRONG = CONFIG.replace("mlopt.workloads.matmul.workload.Matmul", "doubles.Doubled")
Answer = tuple[int, str, str]
Export = Callable[..., Answer]


def found(**changed: Any) -> dict[str, Any]:
    """The content of a result.json."""
    schedule = walks(Mlir(threads=1).space(Matmul(8, 8, 8)))[0]
    best = {"trial": 3, "schedule": schedule.values(), "seconds": 1.5e-6, "ci95": [1.4e-6, 1.6e-6]}
    return {"workload": {"name": "matmul"}, "threads": 1, "fingerprint": fingerprint(), "best": best, **changed}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished study's folder, `study`, in the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study" / ".hydra").mkdir(parents=True)
    (tmp_path / "study" / ".hydra" / "config.yaml").write_text(CONFIG)
    (tmp_path / "study" / "result.json").write_text(json.dumps(found()))
    return tmp_path / "study"


@pytest.fixture
def export(study: Path, own_device: None, capsys: pytest.CaptureFixture[str]) -> Export:
    """The command on words that follow `export`."""
    return lambda *words: (main(["export", *words]), *capsys.readouterr())


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_studys_best_kernel_becomes_a_library(export: Export, study: Path) -> None:
    code, out, err = export("study")
    assert code == 0, err
    written = files(study / "export")
    for name in ("matmul.o", "matmul.h", "matmul.py", "matmul.json", "example.c", "README.md", "best/rerun.py"):
        assert name in written
        assert name.split("/")[0] in out
    assert b"A call took 1.5e-06 s (95 % interval 1.4e-06 to 1.6e-06) on this CPU" in written["matmul.h"]
    assert json.loads(written["matmul.json"])["threads"] == 1  # as the study had, not `all`
    record = json.loads(written["best/record.json"])
    assert record["best"] == found()["best"]
    assert record["level"]  # what the backend wrote is kept


def test_an_earlier_export_is_replaced_and_nothing_else(export: Export, study: Path, tmp_path: Path) -> None:
    assert export("study", "--to", "there", "--name", "first")[0] == 0
    (tmp_path / "there" / "example").write_text("of mine")
    library = tmp_path / "there" / "first.o"
    before = library.stat().st_ino
    assert export("study", "--to", "there", "--name", "first")[0] == 0
    assert library.stat().st_ino != before  # not written over: it may be in use
    assert export("study", "--to", "there", "--name", "second")[0] == 0
    written = files(tmp_path / "there")
    assert "second.o" in written
    assert not [name for name in written if "first" in name]
    assert written["example"] == b"of mine"
    assert [name for name in os.listdir(tmp_path) if "there" in name] == ["there"]


def test_an_earlier_exports_list_reaches_nothing_outside(export: Export, study: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "precious").touch()
    (tmp_path / "there" / "export.json").write_text('{"files": ["../precious", "gone"]}')
    assert export("study", "--to", "there")[0] == 0
    assert (tmp_path / "precious").exists()


def test_a_study_from_another_cpu_is_compiled_for_this_one(export: Export, study: Path) -> None:
    elsewhere = {**fingerprint(), "flags": "another"}
    (study / "result.json").write_text(json.dumps(found(fingerprint=elsewhere)))
    code, _, err = export("study")
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith("mlopt: study was made on another CPU; this is compiled for the one here")


def test_a_kernel_that_was_never_run_has_no_time(export: Export, study: Path) -> None:
    best = {"trial": 0, "schedule": found()["best"]["schedule"], "cost": 3.0}
    (study / "result.json").write_text(json.dumps(found(best=best)))
    assert export("study")[0] == 0
    assert b"It was never timed." in files(study / "export")["matmul.h"]


def test_a_kernel_that_is_wrong_is_not_written(export: Export, study: Path, tmp_path: Path) -> None:
    (study / ".hydra" / "config.yaml").write_text(WRONG)
    code, out, err = export("study")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("mlopt: nothing is written, since the kernel does not come out right: output 0: ")
    assert sorted(os.listdir(study)) == [".hydra", "result.json"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "export: the following arguments are required: DIR; it is called as mlopt export DIR [--to DIR]"),
        (("study", "--too", "x"), "export: unrecognized arguments: --too x"),
        (("study", "--to"), "export: argument --to: expected one argument"),
        (("sutdy",), "there is no folder sutdy"),
        ((".",), ". is no study's folder; study is one"),
        (("study/.hydra",), "study/.hydra is no study's folder: it has no .hydra/config.yaml"),
        (("study", "--to", "study"), "study holds other files, such as .hydra; choose another folder with --to"),
        (("study", "--to", "study/result.json"), "study/result.json is a file; name a folder with --to"),
        (("study", "--to", "/proc/export"), "cannot write /proc/export: "),
        (("study", "--name", "int"), "--name=int cannot be the name of a library's function: C or C++ has a word"),
    ],
)
def test_a_mistake_in_the_call_is_one_line(export: Export, study: Path, words: tuple[str, ...], line: str) -> None:
    before = files(study)
    code, out, err = export(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"mlopt: {line}")
    assert files(study) == before


RESULTS = [
    ("[", "cannot read study/result.json: "),
    ("[]", "study/result.json is no study's result: "),
    ('{"workload": {}, "threads": 1, "fingerprint": {}}', "study/result.json is no study's result: best: Field req"),
    (found(best=None), "study found no valid schedule; see study/trials.jsonl"),
    (found(best={"schedule": {"a": [1]}}), "study/result.json is no study's result: best.schedule.a."),
    (found(best={"schedule": {"tile": 3}}), "the best schedule of study is none on this machine: "),
    (found(threads=100000), "study: backend.threads=100000 must be at most"),
    (found(threads="many"), "study/result.json is no study's result: threads: "),
]


@pytest.mark.parametrize(("content", "line"), RESULTS)
def test_a_result_that_is_none_is_one_line(export: Export, study: Path, content: Any, line: str) -> None:
    (study / "result.json").write_text(content if isinstance(content, str) else json.dumps(content))
    code, out, err = export("study")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"mlopt: {line}")


def test_a_study_that_has_not_ended_is_one_line(export: Export, study: Path) -> None:
    (study / "result.json").unlink()
    assert export("study") == (2, "", "mlopt: study has no result.json yet: its study has not ended\n")


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ("a: [", "cannot read study/.hydra/config.yaml: "),
        ("a: ${b}", "cannot read study/.hydra/config.yaml: Interpolation key 'b' not found"),
        ("[]", "study/.hydra/config.yaml says of no workload, as a study's does"),
        ("workload: {}", "study/.hydra/config.yaml says of no backend, as a study's does"),
        ("workload: {}\nbackend: {}", "study: workload names no class"),
        (CONFIG.replace("Matmul", "Matmull"), "study: workload: cannot load mlopt.workloads.matmul.workload.Matmull"),
        (CONFIG.replace("k: 8", "k: eight"), "study: workload.k=eight should be a valid integer"),
        (TOY, "ToyBackend makes no libraries; all that it exports is study/best"),
    ],
)
def test_a_configuration_that_is_none_is_one_line(export: Export, study: Path, config: str, line: str) -> None:
    (study / ".hydra" / "config.yaml").write_text(config)
    code, out, err = export("study")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"mlopt: {line}")
    assert not (study / "export").exists()
