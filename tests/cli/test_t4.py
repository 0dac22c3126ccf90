"""`mlopt t4`: on what a study was measured goes with its trials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlopt.cli.t4 import write_t4
from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial

DEVICES = [{"name": "NVIDIA L4", "clocks.sm": "2040 MHz"}]
RESULT = {
    "workload": {"name": "add"},
    "threads": 1,
    "fingerprint": {"cpu": "some CPU"},
    "best": None,
    "executed": 2,
    "devices": DEVICES,
}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    times = ("2026-11-26T10:00:02.000Z", "2026-11-26T10:00:01.000Z")
    trials = [Trial(i, Schedule.of({"a": i}), Status.OK, seconds=1.0, finished=time) for i, time in enumerate(times)]
    (tmp_path / "trials.jsonl").write_text("".join(json.dumps(trial.to_json()) + "\n" for trial in trials))
    return tmp_path


def metadata(study: Path) -> Any:
    write_t4([str(study)])
    return json.loads((study / "t4.json").read_text())["metadata"]


def test_the_machine_its_devices_and_the_date_are_in_the_file(study: Path) -> None:
    (study / "result.json").write_text(json.dumps(RESULT))
    found = metadata(study)["provenance"]
    assert found == {"date": "2026-11-26T10:00:02.000Z", "machine": {"cpu": "some CPU"}, "devices": DEVICES}


def test_where_nothing_was_measured_there_is_none(study: Path) -> None:
    assert "provenance" not in metadata(study)
    (study / "result.json").write_text(json.dumps({**RESULT, "executed": 0}))
    assert "provenance" not in metadata(study)


def test_a_result_that_is_none_is_refused_in_a_line(study: Path) -> None:
    (study / "result.json").write_text(json.dumps({**RESULT, "devices": "none"}))
    with pytest.raises(UserError, match="no study's result"):
        write_t4([str(study)])


def test_what_the_finals_found_wrong_is_no_correct_configuration(study: Path) -> None:
    (study / "result.json").write_text(json.dumps({**RESULT, "lost": {"trial 1": "WrongResult: output 0"}}))
    write_t4([str(study)])
    results = json.loads((study / "t4.json").read_text())["results"]
    assert [result["invalidity"] for result in results] == ["correct", "correctness"]


def test_what_a_killed_study_has_left_is_written_without_its_last_line(study: Path) -> None:
    log = study / "trials.jsonl"
    log.write_text(log.read_text()[:-20])
    write_t4([str(study)])
    assert len(json.loads((study / "t4.json").read_text())["results"]) == 1
