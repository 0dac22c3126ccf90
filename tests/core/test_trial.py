"""Trials, their statuses, and the lines of the trial log."""

from __future__ import annotations

import itertools
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlopt.core.errors import CompileError, InvalidSchedule, UserError, WrongResult
from mlopt.core.record import LONGEST
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial, WorkerLost

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
TEXTS = st.text(max_size=8)
VALUES = st.one_of(st.booleans(), st.integers(), NUMBERS, TEXTS)


@st.composite
def trials(draw: st.DrawFn) -> Trial:
    status = draw(st.sampled_from(Status))
    return Trial(
        trial=draw(st.integers(0, 2**63 - 1)),
        schedule=draw(st.dictionaries(TEXTS, VALUES, max_size=5).map(Schedule.of)),
        status=status,
        seconds=draw(st.none() | POSITIVE) if status is Status.OK else None,
        samples=tuple(draw(st.lists(NUMBERS, max_size=5))),
        compile_seconds=draw(st.none() | POSITIVE),
        metrics=draw(st.dictionaries(TEXTS, NUMBERS, max_size=3)),
        cached=draw(st.booleans()),
        error=draw(TEXTS),
        started=draw(TEXTS),
        finished=draw(TEXTS),
        code=draw(st.text("0123456789abcdef", max_size=64)),
        origin=draw(TEXTS),
    )


@given(trials())
def test_a_trial_comes_back_from_its_line(trial: Trial) -> None:
    line = json.dumps(trial.to_json(), allow_nan=False)
    assert "\n" not in line
    again = Trial.from_json(line)
    assert again == trial
    assert repr(again) == repr(trial)  # which tells True from 1
    assert json.dumps(again.to_json()) == line


def test_a_line_has_the_keys_that_users_script_against() -> None:
    trial = Trial(7, Schedule.of({"tile": 8}), Status.OK, 2e-3, (2e-3, 3e-3), 0.1, {"flops": 1.0})
    assert trial.to_json() == {
        "trial": 7,
        "schedule": {"tile": 8},
        "status": "ok",
        "seconds": 2e-3,
        "samples": [2e-3, 3e-3],
        "compile_seconds": 0.1,
        "metrics": {"flops": 1.0},
        "cached": False,
        "error": "",
        "started": "",
        "finished": "",
    }


def line(**changes: Any) -> str:
    return json.dumps({"trial": 1, "schedule": {"tile": 8}, "status": "ok", **changes})


def test_a_line_may_lack_what_has_a_default_and_hold_what_is_not_known() -> None:
    assert Trial.from_json(line(colour="red")) == Trial(1, Schedule.of({"tile": 8}), Status.OK)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("", "Invalid JSON"),
        (line()[:-3], "Invalid JSON"),
        (line() + line(), "Invalid JSON"),
        ("[" * 1_000_000, "recursion limit"),
        (line(schedule={"tile": [[[[8]]]]}), "schedule knob 'tile'"),
        ("[]", "should be an object"),
        ("null", "should be an object"),
        ("NaN", "should be an object"),
        ('{"schedule": {}, "status": "ok"}', "trial Field required"),
        ('{"trial": 1, "status": "ok"}', "schedule Field required"),
        ('{"trial": 1, "schedule": {}}', "status Field required"),
        (line(trial=True), "trial should be a valid integer"),
        (line(trial=1.0), "trial should be a valid integer"),
        (line(trial=-1), "trial should be greater than or equal to 0"),
        (line(trial=2**63), "trial should be less than"),
        (line(trial="1"), "trial should be a valid integer"),
        (line(schedule=[]), "schedule should be an object"),
        (line(schedule={f"knob {i}": 1 for i in range(1001)}), "more than 1000 knobs"),
        (line(schedule={"tile": None}), "schedule knob 'tile' is given neither"),
        (line(schedule={"tile": float("nan")}), "schedule knob 'tile' .*finite"),
        (line(schedule={"tile": 8}).replace("8", "1e999"), "schedule knob 'tile' .*finite"),
        (line(schedule={"tile": 8}).replace("8", "9" * 5000), "number out of range"),
        (line(schedule={"tile\n\x1b[31m" + "x" * 10_000: None}), r"schedule knob 'tile\\n\\x1b\[31mx"),
        (line(status="fine"), "status should be 'ok'"),
        (line(status=None), "status should be 'ok'"),
        (line(seconds=float("nan")), "seconds should be a finite number"),
        (line(seconds=float("inf")), "seconds should be a finite number"),
        (line(seconds=10**400), "seconds should be a finite number"),
        (line(seconds=0), "seconds should be greater than 0"),
        (line(seconds=-1e-3), "seconds should be greater than 0"),
        (line(seconds="1e-3"), "seconds should be a valid number"),
        (line(seconds=True), "seconds should be a valid number"),
        (line(seconds=1e-3, status="wrong_result"), "wrong_result, and yet it took 0.001 seconds"),
        (line(samples=[1e-3, None]), "samples.1 should be a valid number"),
        (line(samples=1e-3), "samples should be a valid"),
        (line(samples=[float("inf")]), "samples.0 should be a finite number"),
        (line(compile_seconds=-1), "compile_seconds should be greater than or equal to 0"),
        (line(metrics={"cost": float("-inf")}), "metrics.cost should be a finite number"),
        (line(metrics={"cost": "low"}), "metrics.cost should be a valid number"),
        (line(cached=1), "cached should be a valid boolean"),
        (line(error=None), "error should be a valid string"),
        (line(error="\ud800"), "Invalid JSON"),
        (line().replace("tile", "\udcff"), "unicode"),
        (line(error="x" * LONGEST), "a line of 41943.. characters"),
    ],
    ids=itertools.count(),
)
def test_a_line_that_is_no_trial_is_refused_in_one_short_line(wrong: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as refusal:
        Trial.from_json(wrong)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 400


@given(st.text() | st.recursive(VALUES | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_any_other_line_is_refused_as_a_mistake_of_the_user(content: object) -> None:
    with pytest.raises(UserError):
        Trial.from_json(content if isinstance(content, str) else json.dumps(content))


def test_what_is_minimised_is_seconds_else_the_simulated_cost_and_nothing_for_a_failure() -> None:
    def objective(status: Status, seconds: float | None, **metrics: float) -> float | None:
        return Trial(0, Schedule(), status, seconds, metrics=metrics).objective

    assert objective(Status.OK, 2.0, cost=5.0) == 2.0
    assert objective(Status.OK, None, cost=5.0) == 5.0
    assert objective(Status.OK, None) is None
    assert objective(Status.TIMEOUT, 2.0, cost=5.0) is None


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidSchedule("tile=3"), Status.INVALID),
        (CompileError("no such pass"), Status.COMPILE_ERROR),
        (WrongResult("off by 2"), Status.WRONG_RESULT),
        (MemoryError(), Status.OUT_OF_MEMORY),
        (ZeroDivisionError(), Status.CRASH),
        (SystemExit(0), Status.CRASH),
        (WorkerLost(Status.TIMEOUT, "killed after 20 s"), Status.TIMEOUT),
        (WorkerLost(Status.OUT_OF_MEMORY, "killed at 1 GiB"), Status.OUT_OF_MEMORY),
    ],
)
def test_an_exception_stands_for_a_status(error: BaseException, status: Status) -> None:
    assert Status.of(error) is status


def test_a_lost_worker_survives_pickle() -> None:
    again = pickle.loads(pickle.dumps(WorkerLost(Status.TIMEOUT, "killed after 20 s")))
    assert Status.of(again) is Status.TIMEOUT
    assert str(again) == "killed after 20 s"
