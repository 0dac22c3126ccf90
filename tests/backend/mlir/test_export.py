"""Exported kernels run and check themselves, whatever their workload's parameters and dtypes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import programs
import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.cache import cache_folder
from mlopt.core.schedule import Schedule
from mlopt.evaluator.correctness import DISTRIBUTIONS, case, empty
from mlopt.protocols import Workload
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.contraction.workload import Contraction
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.mlir_file.workload import MlirFile
from mlopt.workloads.mlp.workload import Mlp

WORKLOADS: dict[str, Workload] = {
    "maxpool": Maxpool(n=1, c=2, h=8, w=8, k=2, stride=2),
    "conv2d": Conv2d(n=1, c=4, h=10, w=10, f=8, kh=3, kw=3),
    "attention": Attention(heads=2, kv_heads=2, seq=16, kv_seq=16, head_dim=16, causal=True),
    "bfloat16": Mlp(m=5, d_model=7, d_ff=19, dtype="bf16"),
    "contraction": Contraction(spec="tij,tjk->tik", sizes={"t": 2, "i": 4, "j": 8, "k": 8}),
}


def walk(backend: Mlir, workload: Workload, rng: np.random.Generator) -> Schedule:
    """Some schedule."""
    space, schedule = backend.space(workload), Schedule()
    while options := space.options(schedule):
        schedule = schedule.then(options[rng.integers(len(options))])
    return schedule


def export(workload: Workload, folder: Path) -> None:
    """Some schedule's kernel."""
    backend = Mlir(threads=1)
    backend.export(workload, walk(backend, workload, np.random.default_rng(0)), folder)


def rerun(folder: Path) -> subprocess.CompletedProcess[str]:
    """As where there is no mlopt: isolated from this checkout."""
    words = [sys.executable, "-I", str(folder / "rerun.py")]
    return subprocess.run(words, cwd="/", env={}, capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_kernel_of_a_workload_with_parameters_checks_itself(tmp_path: Path, name: str) -> None:
    export(WORKLOADS[name], tmp_path)
    done = rerun(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert float(done.stdout) > 0.0


@pytest.mark.parametrize("name", ["gated", "integers", "complex", "weighted", "masked"])
def test_a_kernel_of_a_users_program_checks_itself(tmp_path: Path, name: str) -> None:
    (tmp_path / "program.mlir").write_text(programs.ALL[name])
    export(MlirFile(str(tmp_path / "program.mlir")), tmp_path / "best")
    (tmp_path / "program.mlir").unlink()
    for file in (cache_folder() / "constants").glob("*.npy"):
        file.unlink()
    done = rerun(tmp_path / "best")
    assert (done.returncode, done.stderr) == (0, "")
    assert float(done.stdout) > 0.0


def test_parameters_reach_the_reference(tmp_path: Path) -> None:
    export(WORKLOADS["maxpool"], tmp_path)
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["parameters"] == {"k": 2, "stride": 2}
    (tmp_path / "record.json").write_text(json.dumps({**record, "parameters": {"k": 1, "stride": 2}}))
    assert (rerun(tmp_path).returncode, rerun(tmp_path).stdout) == (1, "wrong result\n")


def test_both_parts_of_complex_inputs_vary(tmp_path: Path) -> None:
    export(WORKLOADS["contraction"], tmp_path)
    reference = (tmp_path / "reference.py").read_text()
    reference += "\n\ndef reference(a, b, *, spec):\n    return (np.einsum(spec, a.real + 0j, b),)\n"
    (tmp_path / "reference.py").write_text(reference)
    assert rerun(tmp_path).returncode == 1


@pytest.mark.parametrize("name", programs.ALL)
def test_schedules_of_a_users_program_compile_and_are_right(tmp_path: Path, name: str) -> None:
    (tmp_path / "program.mlir").write_text(programs.ALL[name])
    workload, backend, rng = MlirFile(str(tmp_path / "program.mlir")), Mlir(threads=2), np.random.default_rng(1)
    outputs = [empty(spec) for spec in workload.outputs]
    for schedule in (None, *(walk(backend, workload, rng) for _ in range(3))):
        kernel = backend.build(workload, schedule).load()
        for number in range(len(DISTRIBUTIONS)):
            case(workload, 0, number).check(kernel, outputs)
        kernel.rest()
