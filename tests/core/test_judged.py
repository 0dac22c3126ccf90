"""A study's trials as its finals left them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlopt.core.errors import Tampered, UserError, WrongResult, summary
from mlopt.core.judged import finalist, judged, read_judged, refuted
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial

TRIALS = [Trial(number, Schedule.of({"n": number}), Status.OK, 1.0 + number, (1.0,)) for number in range(3)]
LOST = {"trial 1": "WrongResult: output 0", "trial 2": "OutOfTime: no time left"}


def write(folder: Path, name: str = "trials.jsonl", **result: Any) -> Path:
    log = folder / name
    log.write_text("".join(f"{json.dumps(trial.to_json())}\n" for trial in TRIALS))
    (folder / "result.json").write_text(json.dumps(result))
    return log


def test_only_who_was_found_wrong_is_refuted() -> None:
    names = {finalist(7): "WrongResult: output 1", "naive": "WrongResult: output 2", "trial x": "WrongResult: "}
    assert refuted({**LOST, **names}) == {1: "WrongResult: output 0", 7: "WrongResult: output 1"}


def test_what_was_refuted_has_no_number_and_says_why() -> None:
    first, second, third = judged(TRIALS, LOST)
    assert (first, third) == (TRIALS[0], TRIALS[2])
    assert (second.trial, second.schedule) == (1, TRIALS[1].schedule)
    assert (second.status, second.seconds, second.samples) == (Status.WRONG_RESULT, None, ())
    assert second.error == "WrongResult: output 0"


def test_a_log_is_read_with_the_result_beside_it(tmp_path: Path) -> None:
    log = write(tmp_path, lost=LOST)
    assert read_judged(log) == judged(TRIALS, LOST)
    (tmp_path / "result.json").unlink()
    assert read_judged(log) == TRIALS
    with log.open("a") as cut:
        cut.write('{"trial": 3')
    assert read_judged(log, cut_short=True) == TRIALS


def test_a_file_of_another_name_has_nothing_to_do_with_what_lies_beside_it(tmp_path: Path) -> None:
    assert read_judged(write(tmp_path, "space.jsonl", lost=LOST)) == TRIALS


@pytest.mark.parametrize("lost", [["trial 1"], {"trial 1": 2}])
def test_a_result_that_is_none_is_refused_in_one_line(tmp_path: Path, lost: Any) -> None:
    with pytest.raises(UserError, match=r"^result\.json beside it: no study's result: lost") as caught:
        read_judged(write(tmp_path, lost=lost))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [WrongResult("output 0"), Tampered("the kernel searches what others hold")])
def test_whoever_is_wrong_or_tampers_is_refuted_by_what_a_result_says_of_it(error: Exception) -> None:
    assert refuted({finalist(3): summary(error)}) == {3: summary(error)}
