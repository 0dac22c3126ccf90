"""The space of a record: what is in the record is legal, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlopt.backend.recorded.space import RecordedSpace
from mlopt.core.errors import InvalidSchedule, UserError
from mlopt.core.schedule import Decision, Schedule, Value
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Space
from mlopt.testing import SpaceContract
from mlopt.testing.spaces import Flat, Tree, schedules


def space(*configurations: Mapping[str, Value]) -> RecordedSpace:
    return RecordedSpace(trial(values) for values in configurations)


def trial(values: Mapping[str, Value], **fields: Any) -> Trial:
    return Trial(**{"trial": 0, "schedule": Schedule.of(values), "status": Status.OK, "seconds": 1.0, **fields})


class TestFlatRecord(SpaceContract):
    def make(self) -> Space:
        return space(*(schedule.values() for schedule in schedules(Flat())))


class TestTreeRecord(SpaceContract):
    def make(self) -> Space:
        return space(*(schedule.values() for schedule in schedules(Tree())))


class TestMixedRecord(SpaceContract):
    def make(self) -> Space:
        return space({"mode": "a", "x": 1.5, "on": True}, {"mode": "a", "x": -2, "on": False}, {"mode": 3, "y": 0})


CONFIGURATIONS = st.lists(
    st.fixed_dictionaries({"a": st.integers(-3, 3), "b": st.sampled_from(["p", "q"]), "c": st.booleans()}), min_size=1
)


@given(CONFIGURATIONS, st.randoms(use_true_random=False))
def test_exactly_the_recorded_configurations_are_legal_and_each_counts_once(
    configurations: list[dict[str, Value]], random: Any
) -> None:
    shuffled = [dict(random.sample(list(values.items()), 3)) for values in configurations]
    recorded = space(*shuffled)
    found = [tuple(sorted(schedule.values().items())) for schedule in schedules(recorded)]
    assert sorted(found) == sorted({tuple(sorted(values.items())) for values in configurations})
    assert recorded.count() == len(found)
    for schedule in schedules(recorded):
        recorded.check(schedule)


def test_counts_hold_wherever_one_asks_next() -> None:
    whole, rng = space(*(schedule.values() for schedule in schedules(Flat()))), np.random.default_rng(0)
    every = [schedule.prefix(length) for schedule in schedules(Flat()) for length in range(5)]
    for index in rng.permutation(len(every)):
        assert whole.count(every[index]) == Flat().count(every[index])


def test_what_is_not_recorded_has_no_way_on() -> None:
    recorded = space({"a": 1, "b": 2})
    nowhere = Schedule.of({"a": 7})
    assert (list(recorded.options(nowhere)), recorded.count(nowhere)) == ([], 0)
    assert recorded.count(Schedule.of({"a": 1})) == 1
    with pytest.raises(InvalidSchedule, match="b=3"):
        recorded.check(Schedule.of({"a": 1, "b": 3}))


@pytest.mark.parametrize(
    ("values", "kind", "ordered"),
    [
        ((8, 1, 4), "log2", (1, 4, 8)),
        ((2, 0, 1, 4), "log2", (0, 1, 2, 4)),
        ((16, 32), "ordinal", (16, 32)),
        ((48, 16, 32), "ordinal", (16, 32, 48)),
        ((4, -1, 2), "ordinal", (-1, 2, 4)),
        ((0.5, 2, 1), "ordinal", (0.5, 1, 2)),
        (("b", "a"), "categorical", ("b", "a")),
        ((True, False), "categorical", (True, False)),
        (("auto", 2), "categorical", ("auto", 2)),
    ],
)
def test_a_knob_has_its_values_in_an_order_that_means_something(
    values: Sequence[Value], kind: str, ordered: Sequence[Value]
) -> None:
    (knob,) = space(*({"a": value} for value in values)).knobs
    assert (knob.kind, knob.values) == (kind, ordered)
    assert list(map(type, knob.values)) == list(map(type, ordered))


def test_options_come_in_the_order_of_values_whatever_the_record_s() -> None:
    recorded = space(*({"a": 1, "b": value} for value in (32, 8, 16)))
    assert recorded.options(Schedule.of({"a": 1})) == tuple(Decision("b", value) for value in (8, 16, 32))


@pytest.mark.parametrize(
    ("configurations", "words"),
    [
        ([{}], "without any knob"),
        ([{"a": 1}, {"a": True}], "'a' has both 1 and True"),
        ([{"a": 1.0}, {"a": 1}], "'a' has both 1.0 and 1"),
        ([{"a": 2**63}], "more than 64 bits"),
        ([{"a": -(10**400)}], "more than 64 bits"),
        ([{"\x1b[2J": 1}], "cannot be the name"),
        ([{"a": "\n"}], "cannot be the name"),
        ([{"a": "x" * 1001}], "cannot be the name"),
        ([{"a": 1, "b": 1}, {"a": 1, "c": 1}], "'c' in one configuration and by knob 'b' in another"),
        ([{"a": 1, "b": 1}, {"a": 1}], "no tree"),
        ([{f"knob {i}-{j}" if j else "a": i for j in range(101)} for i in range(11)], "more than 1000 knobs"),
    ],
)
def test_what_is_no_tree_of_values_is_told_in_one_line(configurations: list[dict[str, Value]], words: str) -> None:
    with pytest.raises(UserError, match=words) as refusal:
        space(*configurations)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("several", "kept"),
    [
        ([3.0, 1.0, 2.0], 2.0),
        ([4.0, 1.0, 2.0, 3.0], 2.0),
        ([Status.CRASH, 5.0, Status.TIMEOUT], 5.0),
        ([Status.TIMEOUT, Status.CRASH], Status.TIMEOUT),
        ([1.0, Status.WRONG_RESULT, 2.0], Status.WRONG_RESULT),
    ],
)
def test_of_several_measurements_the_median_counts_but_a_wrong_result_outweighs_them(
    several: Sequence[float | Status], kept: float | Status
) -> None:
    values = {"a": 1}
    trials = [
        trial(values, status=word, seconds=None) if isinstance(word, Status) else trial(values, seconds=word)
        for word in several
    ]
    found = RecordedSpace(trials).trials[Schedule.of(values)]
    assert (found.seconds if found.ok else found.status) == kept


def test_a_recorded_error_is_safe_to_show() -> None:
    found = RecordedSpace([trial({"a": 1}, status=Status.CRASH, seconds=None, error="\x1b[31mred\n")])
    assert found.trials[Schedule.of({"a": 1})].error == "?[31mred?"
