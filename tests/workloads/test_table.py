"""The workload that is a record."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.errors import UserError
from mlopt.workloads.table.workload import Table


def test_names_its_file_wherever_a_worker_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table = Table("space.json")
    monkeypatch.chdir("/")
    assert table.source("record") == str(tmp_path / "space.json")
    assert pickle.loads(pickle.dumps(table)) == table
    assert hash(table) == hash(Table(str(tmp_path / "space.json")))


def test_a_backend_that_compiles_is_told_to_replay_instead() -> None:
    with pytest.raises(UserError, match="experiment=replay"):
        Mlir().space(Table("space.json"))
