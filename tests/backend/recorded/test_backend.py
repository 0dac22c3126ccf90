"""A record as a backend."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlopt.backend.recorded.backend import Recorded
from mlopt.backend.recorded.document import document
from mlopt.core.errors import CompileError, InvalidSchedule, UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.table.workload import Table


def write(path: Path, *values: int) -> Table:
    trials = [Trial(0, Schedule.of({"a": value}), Status.OK, float(value)) for value in values]
    path.write_text(json.dumps(document(trials)))
    return Table(str(path))


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return write(tmp_path / "space.json", 1, 2)


def test_a_schedule_s_program_is_its_row(table: Table) -> None:
    program = Recorded().build(table, Schedule.of({"a": 2}))
    assert program.trial.seconds == 2.0
    assert json.loads(program.ir)["schedule"] == {"a": 2}


def test_what_is_not_recorded_is_neither_built_nor_exported(table: Table, tmp_path: Path) -> None:
    for wrong in (Schedule(), Schedule.of({"a": 3})):
        with pytest.raises(InvalidSchedule):
            Recorded().build(table, wrong)
        with pytest.raises(InvalidSchedule):
            Recorded().export(table, wrong, tmp_path / "best")
    assert not (tmp_path / "best").exists()


def test_nothing_of_a_record_can_be_run(table: Table) -> None:
    with pytest.raises(CompileError):
        Recorded().build(table, Schedule.of({"a": 1})).load()
    with pytest.raises(CompileError):
        Recorded().build(table, None)
    with pytest.raises(UserError):
        Recorded().roofline()


def test_a_record_that_changed_is_read_again(table: Table) -> None:
    assert Recorded().space(table).count() == 2
    write(Path(table.path), 1, 2, 3)
    os.utime(table.path, (0, 0))
    assert Recorded().space(table).count() == 3


def test_mistakes_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    for name, words in (("bad.json", "bad.json: not T4"), ("absent.json", "absent.json: No such file")):
        with pytest.raises(UserError, match=words):
            Recorded().space(Table(str(tmp_path / name)))


def test_a_workload_that_is_no_record_is_a_mistake() -> None:
    with pytest.raises(UserError, match="'record'"):
        Recorded().space(Matmul())
