from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.trial_log import TrialLog

TRIAL = Trial(
    trial=3,
    schedule=Schedule.of({"tile": 8, "pack": "whole", "hoist": True}),
    status=Status.OK,
    seconds=2e-3,
    samples=(2e-3, 3e-3),
    compile_seconds=0.1,
    metrics={"precision": 0.01},
    started="2026-01-01T00:00:00.000+00:00",
    finished="2026-01-01T00:00:01.000+00:00",
)
KEYS = ["trial", "schedule", "status", "seconds", "samples", "compile_seconds", "metrics", "cached", "error"]
KEYS += ["started", "finished"]


def test_a_trial_is_a_line_with_the_keys_of_the_contract(tmp_path: Path) -> None:
    log = TrialLog(tmp_path)
    log.append(TRIAL)
    log.append(Trial(1, Schedule(), Status.CRASH, error="killed by\nSIGSEGV"))
    log.close()
    first, second = (json.loads(line) for line in (tmp_path / "trials.jsonl").read_text().splitlines())
    assert list(first) == list(second) == KEYS
    assert first["schedule"] == {"tile": 8, "pack": "whole", "hoist": True}
    assert (second["status"], second["seconds"], second["error"]) == ("crash", None, "killed by\nSIGSEGV")


def test_a_line_reads_back_as_the_trial_it_was(tmp_path: Path) -> None:
    log = TrialLog(tmp_path)
    log.append(TRIAL)
    log.close()
    assert Trial.from_json((tmp_path / "trials.jsonl").read_text()) == TRIAL


def test_a_trial_is_in_the_file_at_once(tmp_path: Path) -> None:
    log = TrialLog(tmp_path)
    log.append(TRIAL)
    assert len((tmp_path / "trials.jsonl").read_text().splitlines()) == 1
    log.close()


def test_what_is_no_number_leaves_no_half_line(tmp_path: Path) -> None:
    log = TrialLog(tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        log.append(Trial(0, Schedule(), Status.OK, seconds=float("nan")))
    log.append(TRIAL)
    log.close()
    assert len((tmp_path / "trials.jsonl").read_text().splitlines()) == 1


def test_two_studies_do_not_share_a_log(tmp_path: Path) -> None:
    (tmp_path / "trials.jsonl").write_text("kept\n")
    with pytest.raises(UserError, match=r"holds a study already.*hydra\.run\.dir"):
        TrialLog(tmp_path)
    assert (tmp_path / "trials.jsonl").read_text() == "kept\n"
