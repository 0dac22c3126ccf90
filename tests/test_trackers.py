from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.protocols import StudyInfo
from mlopt.trackers import Trackers

INFO = StudyInfo("study", Path(), {}, {})
TRIAL = Trial(0, Schedule(), Status.OK, seconds=1.0)


class Notes:
    """Notes what it is told, and fails at what it is told to."""

    def __init__(self, *failures: str) -> None:
        self.failures = failures
        self.notes: list[str] = []

    def start(self, info: StudyInfo) -> None:
        self.hear("start", UserError("no such store"))

    def baseline(self, name: str, seconds: float) -> None:
        self.hear("baseline")

    def note(self, text: str) -> None:
        self.hear("note")

    def log(self, trial: Trial) -> None:
        self.hear("log")

    def finish(self, result: Mapping[str, Any] | None) -> None:
        self.hear("finish")

    def hear(self, what: str, error: Exception | None = None) -> None:
        self.notes.append(what)
        if what in self.failures:
            raise error or ZeroDivisionError("a bug")


def follow(*trackers: Notes) -> None:
    together = Trackers(trackers)
    try:
        together.start(INFO)
        together.baseline("naive", 1.0)
        together.log(TRIAL)
        together.note("so far, so good")
        together.log(TRIAL)
    finally:
        together.finish({})


ALL = ["start", "baseline", "log", "note", "log", "finish"]


def test_each_is_told_everything() -> None:
    first, second = Notes(), Notes()
    follow(first, second)
    assert first.notes == second.notes == ALL


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ("baseline", ["start", "baseline", "finish"]),
        ("log", ["start", "baseline", "log", "finish"]),
        ("finish", ALL),
    ],
)
def test_one_that_fails_is_logged_once_and_finished_in_the_end(
    failure: str, told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    before, faulty, after = Notes(), Notes(failure), Notes()
    follow(before, faulty, after)
    assert before.notes == after.notes == ALL
    assert faulty.notes == told
    assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR]
    assert "ZeroDivisionError" in caplog.text


def test_one_that_cannot_start_ends_the_study_and_whoever_was_started_is_finished() -> None:
    before, faulty, after = Notes(), Notes("start"), Notes()
    with pytest.raises(UserError, match="no such store"):
        follow(before, faulty, after)
    assert before.notes == ["start", "finish"]
    assert after.notes == []


def test_the_last_one_is_finished_first() -> None:
    order: list[str] = []
    first, second = Notes(), Notes()
    first.notes = second.notes = order
    first.finish = lambda result: order.append("first")  # type: ignore[method-assign]
    second.finish = lambda result: order.append("second")  # type: ignore[method-assign]
    follow(first, second)
    assert order[-2:] == ["second", "first"]
