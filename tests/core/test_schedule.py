"""Schedules are immutable paths that can be stored and taken anywhere."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlopt.core.schedule import Decision, Schedule, Value

VALUES: st.SearchStrategy[Value] = st.one_of(
    st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
)
SCHEDULES = st.dictionaries(st.text(max_size=5), VALUES, max_size=6).map(Schedule.of)


@given(SCHEDULES)
def test_its_values_make_it_again(schedule: Schedule) -> None:
    again = Schedule.of(json.loads(json.dumps(schedule.values())))
    assert again == schedule
    assert repr(again) == repr(schedule)
    assert hash(again) == hash(schedule)
    assert again.digest() == schedule.digest()


@given(SCHEDULES)
def test_survives_pickle_and_copy_as_a_schedule(schedule: Schedule) -> None:
    for again in (pickle.loads(pickle.dumps(schedule)), copy.copy(schedule), copy.deepcopy(schedule)):
        assert type(again) is Schedule
        assert again == schedule


@given(SCHEDULES)
def test_grows_by_one_decision_and_is_cut_to_a_prefix(schedule: Schedule) -> None:
    longer = schedule.then(Decision("one more knob", 1))
    assert len(longer) == len(schedule) + 1
    assert longer.prefix(len(schedule)) == schedule
    assert type(longer.prefix(1)) is Schedule
    assert longer.prefix(0) == Schedule()


@given(SCHEDULES, SCHEDULES)
def test_digests_differ_where_the_stored_forms_do(first: Schedule, second: Schedule) -> None:
    same = json.dumps(first.values()) == json.dumps(second.values())
    assert (first.digest() == second.digest()) is same


def test_a_digest_is_the_same_in_every_process_and_release() -> None:
    assert Schedule.of({"tile": 8, "vectorize": True}).digest() == "44e9a95f4b94d8a5"


def test_the_order_of_decision_matters() -> None:
    assert Schedule.of({"a": 1, "b": 2}) != Schedule.of({"b": 2, "a": 1})


def test_a_knob_is_decided_once() -> None:
    with pytest.raises(ValueError, match="decided twice"):
        Schedule.of({"tile": 8}).then(Decision("tile", 16))


def test_reads_well() -> None:
    assert repr(Schedule.of({"tile": 8, "pack": "a"})) == "Schedule(tile=8, pack=a)"
