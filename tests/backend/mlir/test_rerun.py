"""What an exported `rerun.py` finds by itself; that it runs and checks the kernel is part of the backend's contract."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from mlopt.backend.mlir import rerun

BINDINGS = f"import runpy; print(runpy.run_path({rerun.__file__!r})['bindings']('ir').__name__)"


def bindings(folder: Path, *files: str) -> str:
    """The name of the module that it takes the IR's bindings from, where `files` come before all that is installed."""
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).touch()
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", BINDINGS]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_bindings_come_from_mlir_or_where_there_is_none_from_torch_mlir(tmp_path: Path) -> None:
    assert bindings(tmp_path, "torch_mlir/__init__.py", "torch_mlir/ir.py") == "torch_mlir.ir"
    assert bindings(tmp_path, "mlir/__init__.py") == "torch_mlir.ir"
    assert bindings(tmp_path, "mlir/ir.py") == "mlir.ir"
