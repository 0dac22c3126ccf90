"""T4 files: what is read from them, what is written, and what is refused."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlopt.backend.recorded import document as written
from mlopt.backend.recorded import t4
from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial


def result(**changes: Any) -> dict[str, Any]:
    return {
        "timestamp": "2023-12-22 09:54:05",
        "configuration": {"block": 16, "mode": "fast", "on": True, "scale": 0.5},
        "times": {"compilation": 900.0, "framework": 1.0, "runtimes": [4.0, 2, 3.0]},
        "invalidity": "correct",
        "correctness": 1,
        "measurements": [{"name": "time", "value": 3.0, "unit": ""}, {"name": "power", "value": 7, "unit": "W"}],
        "objectives": ["time"],
    } | changes


def document(*results: Any, timeunit: str = "miliseconds") -> bytes:
    content = {"metadata": {"timeunit": timeunit}, "results": results, "schema_version": "1.0.0"}
    return json.dumps(content).encode()


def only(content: bytes) -> Trial:
    (trial,) = t4.read(content)
    return trial


def failure(invalidity: str, value: Any = "Failed") -> dict[str, Any]:
    return result(invalidity=invalidity, correctness=0, times={}, measurements=[{"name": "time", "value": value}])


def test_a_result_is_a_trial_in_seconds() -> None:
    assert only(document(result())) == Trial(
        0,
        Schedule.of({"block": 16, "mode": "fast", "on": True, "scale": 0.5}),
        Status.OK,
        seconds=0.003,
        samples=(0.004, 0.002, 0.003),
        compile_seconds=0.9,
        metrics={"power": 7.0},
    )


@pytest.mark.parametrize(
    ("unit", "timeunit", "seconds"),
    [("", "nanoseconds", 3e-9), ("", "seconds", 3.0), ("", "milliseconds", 3e-3), ("us", "seconds", 3e-6)],
)
def test_a_measurement_s_own_unit_counts_before_the_file_s(unit: str, timeunit: str, seconds: float) -> None:
    measured = [{"name": "time", "value": 3, "unit": unit}]
    assert only(document(result(measurements=measured), timeunit=timeunit)).seconds == pytest.approx(seconds)


def test_a_file_that_names_no_unit_counts_in_milliseconds() -> None:
    assert only(json.dumps({"results": [result()]}).encode()).seconds == 0.003


@pytest.mark.parametrize("times", ["{'compilation': 900.0, 'runtimes': [4.0, 2, 3.0]}", {"compilation_time": 900}])
def test_times_may_be_text_and_compilation_has_two_names(times: Any) -> None:
    assert only(document(result(times=times))).compile_seconds == 0.9


def test_the_first_objective_is_what_is_searched() -> None:
    measured = [{"name": "total time", "value": 5.0}, {"name": "time", "value": 3.0}]
    trial = only(document(result(measurements=measured, objectives=["total time", "time"])))
    assert (trial.seconds, trial.metrics) == (0.005, {"time": 3.0})


@pytest.mark.parametrize(
    ("invalidity", "status"),
    [
        ("compile", Status.COMPILE_ERROR),
        ("runtime", Status.CRASH),
        ("correctness", Status.WRONG_RESULT),
        ("timeout", Status.TIMEOUT),
        ("constraints", Status.INVALID),
    ],
)
@pytest.mark.parametrize("value", ["Failed", 1e20, float("nan"), None, [1]])
def test_a_failure_has_its_status_and_no_number_whatever_is_written_there(
    invalidity: str, status: Status, value: Any
) -> None:
    trial = only(document(failure(invalidity, value)))
    assert (trial.status, trial.objective, trial.samples) == (status, None, ())
    assert trial.error == (value if value == "Failed" else invalidity)


def test_a_result_that_calls_itself_correct_and_not_correct_is_wrong() -> None:
    assert only(document(result(correctness=0))).status is Status.WRONG_RESULT


def measured(value: Any) -> dict[str, Any]:
    return result(measurements=[{"name": "time", "value": value}])


def rated(value: Any, unit: str = "") -> dict[str, Any]:
    return result(measurements=[{"name": "GFLOP/s", "value": value, "unit": unit}], objectives=["GFLOP/s"])


def priced(value: Any) -> dict[str, Any]:
    return result(measurements=[{"name": "cost", "value": value, "unit": ""}], objectives=["cost"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Invalid JSON"),
        (b"\xff\x00", "Invalid JSON"),
        (document(result())[:-20], "Invalid JSON"),
        (b'{"results":' + b"[" * 100_000, "recursion limit"),
        (b"[" * 100_000, "recursion limit"),
        (b"[]", "should be an object"),
        (b"{}", "results Field required"),
        (b'{"results": 3}', "results should be a valid (list|array)"),
        (document(3), "results.0 should be an object"),
        (document(result(), {"invalidity": "correct"}), "results.1.configuration Field required"),
        (document(result(configuration=[1])), "results.0.configuration should be"),
        (document(result(configuration={"a": {"b": 1}})), "knob 'a'"),
        (document(result(configuration={"a": float("nan")})), "knob 'a'"),
        (document(result(configuration={str(i): 1 for i in range(1001)})), "more than 1000 knobs"),
        (document(result(invalidity="\x1bmystery")), r"results.0: invalidity '\?mystery' is none of correct"),
        (document(result(measurements=[])), "its 'time' is no positive number"),
        *((document(measured(value)), "no positive number") for value in (0, -1.0, float("nan"), "3", None, True, [])),
        (document(measured(float("inf"))), "no positive number"),
        (document(measured(10**400)), "no positive number"),
        (document(result(times={"runtimes": [1.0, float("nan")]})), "results.0.times"),
        (document(result(times={"compilation": -1.0})), "results.0.times"),
        (document(result(times="__import__('os')")), "times is neither"),
        (document(result(times="(" * 10_000)), "times is neither"),
        (document(result(times="1" * 100_000)), "times is neither"),
        (document(result(times="{'runtimes': [1e999]}")), "times is neither"),
        (document(rated(812.0)), "'GFLOP/s' is not known to be a time"),
        (document(measured(1e-321)), "no positive number"),
        *((document(priced(value)), "'cost' is no positive number") for value in (0, -1.0, float("inf"), "3", None)),
        (document(result(), timeunit="fortnights"), "'fortnights' is no unit of time"),
        (document(result(measurements=[{"name": "time", "value": 1.0, "unit": "GFLOP/s"}])), "'GFLOP/s' is no unit"),
    ],
)
def test_whatever_is_not_t4_is_refused_in_one_line(content: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words) as refusal:
        t4.read(content)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 300


@given(st.recursive(st.none() | st.floats() | st.text() | st.integers(), lambda inner: st.lists(inner), max_leaves=5))
def test_no_value_anywhere_is_more_than_a_mistake(value: Any) -> None:
    for content in (document(value), *(document(result(**{key: value})) for key in result())):
        with contextlib.suppress(UserError):
            t4.read(content)


SECONDS = st.floats(1e-9, 1e3)
TRIALS = st.builds(
    Trial,
    trial=st.just(0),
    schedule=st.fixed_dictionaries({"a": st.integers(0, 9), "b": st.floats(0, 1)}).map(Schedule.of),
    status=st.just(Status.OK),
    seconds=SECONDS,
    samples=st.lists(SECONDS, max_size=3).map(tuple),
    compile_seconds=st.none() | SECONDS,
    metrics=st.dictionaries(st.sampled_from(["precision", "power"]), st.floats(-1e9, 1e9)),
)


@given(TRIALS)
def test_what_is_written_is_read_again_to_the_last_digit(trial: Trial) -> None:
    assert only(json.dumps(written.document([trial])).encode()) == trial


def test_a_simulated_cost_and_a_failure_survive_the_round_trip() -> None:
    schedule = Schedule.of({"a": 1})
    for trial in (
        Trial(0, schedule, Status.OK, metrics={"cost": 7.0, "depth": 1.0}),
        *(Trial(0, schedule, status, error="as it was") for status in Status if status is not Status.OUT_OF_MEMORY),
    ):
        if trial.objective is not None or not trial.ok:
            assert only(json.dumps(written.document([trial])).encode()) == trial


def test_running_out_of_memory_becomes_a_failure_at_run_time() -> None:
    lost = Trial(0, Schedule.of({"a": 1}), Status.OUT_OF_MEMORY, error="killed")
    assert written.document([lost])["results"][0]["invalidity"] == "runtime"


def test_what_it_was_measured_on_is_in_the_file_and_troubles_no_reader() -> None:
    trial = Trial(0, Schedule.of({"a": 1}), Status.OK, seconds=1.5)
    provenance = {"devices": [{"name": "a GPU", "clocks.sm": "1980 MHz"}], "date": "2026-11-26"}
    content = written.document([trial], provenance)
    assert content["metadata"]["provenance"] == provenance
    assert only(json.dumps(content).encode()) == trial
    assert "provenance" not in written.document([trial])["metadata"]


def test_what_has_a_unit_of_time_is_one_whatever_its_name() -> None:
    assert only(document(rated(3.0, "ms"))).seconds == pytest.approx(0.003)


def test_a_file_has_one_objective_so_what_was_only_estimated_is_left_out() -> None:
    executed = Trial(0, Schedule.of({"a": 1}), Status.OK, seconds=1.5, metrics={"cost": 1.0})
    spared = Trial(1, Schedule.of({"a": 2}), Status.OK, metrics={"cost": 3.0, "estimated_seconds": 4.5})
    failed = Trial(2, Schedule.of({"a": 3}), Status.CRASH)
    results = written.document([executed, spared, failed])["results"]
    assert [each["configuration"] for each in results] == [{"a": 1}, {"a": 3}]
    assert [each["objectives"] for each in results] == [["time"], ["time"]]
