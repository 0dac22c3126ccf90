"""The bindings may come as torch_mlir or as upstream's mlir: the same modules below another name."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from mlopt.backend.mlir import bindings

WITHOUT_TORCH_MLIR = "import sys; sys.modules['torch_mlir'] = None; sys.path.insert(0, sys.argv[1])\n"
BUILD = """
from pathlib import Path
from mlopt.backend.mlir import bindings
from mlopt.backend.mlir.backend import Mlir
from mlopt.testing.backend import assert_computes, schedules
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.softmax.workload import Softmax

assert bindings.ir.__name__ == "mlir.ir"
backend = Mlir(threads=1)
for workload in (Matmul(m=8, n=16, k=8), Softmax(rows=4, cols=16)):
    schedule = schedules(backend, workload)[0]
    assert_computes(backend, workload, None)
    assert_computes(backend, workload, schedule)
    backend.export(workload, schedule, Path(sys.argv[2]))
"""
RERUN = "import runpy; runpy.run_path(sys.argv[2] + '/rerun.py', run_name='__main__')"


def test_upstreams_package_does_as_well(tmp_path: Path) -> None:
    spec = importlib.util.find_spec("torch_mlir")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (tmp_path / "mlir").symlink_to(spec.submodule_search_locations[0])
    for code in (BUILD, RERUN):
        words = [sys.executable, "-c", WITHOUT_TORCH_MLIR + code, str(tmp_path), str(tmp_path / "best")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr


def test_upstreams_package_goes_before_the_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "find_spec", lambda name: importlib.util.find_spec("json"))
    assert bindings._package() == "mlir"
    monkeypatch.setattr(
        bindings, "find_spec", lambda name: None if name == "mlir.ir" else importlib.util.find_spec("json")
    )
    assert bindings._package() == "torch_mlir"
