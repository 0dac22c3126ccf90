"""Knobs and knob spaces."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.core.errors import InvalidSchedule
from mlopt.core.schedule import Decision, Schedule, Value
from mlopt.core.space import Kind, Knob, KnobSpace
from mlopt.protocols import CountedSpace
from mlopt.search.draw import Draw
from mlopt.testing.spaces import Tree, schedules


class Arbitrary(KnobSpace):
    """Constraints as good as random: a value is legal as a hash of all that it may depend on has it."""

    def __init__(self, knobs: Sequence[Knob], seed: int) -> None:
        self.knobs = tuple(knobs)
        self.seed = seed

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        needed = {name: chosen[name] for name in knob.needs}
        return [
            v for v in knob.values if hashlib.sha256(f"{self.seed}{knob.name}{v}{needed}".encode()).digest()[0] < 150
        ]

    def enumerate(self) -> list[Schedule]:
        """Every schedule whose values are each legal, found the slow way."""
        names = [knob.name for knob in self.knobs]
        rows = [dict(zip(names, row, strict=True)) for row in itertools.product(*(knob.values for knob in self.knobs))]
        return [Schedule.of(row) for row in rows if all(row[knob.name] in self.legal(knob, row) for knob in self.knobs)]


@st.composite
def spaces(draw: st.DrawFn) -> Arbitrary:
    knobs: list[Knob] = []
    for index in range(draw(st.integers(0, 5))):
        kind: Kind = draw(st.sampled_from(["categorical", "ordinal", "log2", "permutation"]))
        values = draw(st.sampled_from([(1, 2, 4, 8), (0, 1), (2, 3, 5)]))
        if kind in ("categorical", "permutation"):
            values = draw(st.sampled_from([(False, True), ("a", "b", "c"), ("a",)]))
        needs = tuple(knob.name for knob in knobs if draw(st.booleans()))
        knobs.append(Knob(f"k{index}", kind, values, needs=needs))
    return Arbitrary(knobs, draw(st.integers(0, 1000)))


possible = spaces().filter(lambda space: space.count() > 0)


@given(spaces())
@settings(max_examples=60, deadline=None)
def test_a_count_is_what_an_exhaustive_enumeration_finds(space: Arbitrary) -> None:
    every = space.enumerate()
    assert space.count() == len(every)
    for prefix in {schedule.prefix(length) for schedule in every for length in range(len(schedule) + 1)}:
        assert space.count(prefix) == sum(schedule.prefix(len(prefix)) == prefix for schedule in every)


@given(possible)
@settings(max_examples=60, deadline=None)
def test_options_lead_to_every_schedule_and_to_no_dead_end(space: Arbitrary) -> None:
    assert list(schedules(space)) == space.enumerate()


@given(possible, st.data())
@settings(max_examples=60, deadline=None)
def test_a_complete_schedule_passes_the_check_and_a_changed_one_only_if_it_is_legal(
    space: Arbitrary, data: st.DataObject
) -> None:
    every = space.enumerate()
    schedule = data.draw(st.sampled_from(every))
    space.check(schedule)
    for length, decision in enumerate(schedule):
        with pytest.raises(InvalidSchedule, match=f"^{decision.knob} is not decided$"):
            space.check(schedule.prefix(length))
        value = data.draw(st.sampled_from(space.knobs[length].values))
        changed = Schedule([*schedule[:length], Decision(decision.knob, value), *schedule[length + 1 :]])
        if changed in every:
            space.check(changed)
        else:  # this decision is wrong, or a later one that depends on it
            with pytest.raises(InvalidSchedule):
                space.check(changed)


@given(possible)
@settings(max_examples=30, deadline=None)
def test_features_give_each_knob_its_code_if_it_has_an_order_and_say_whether_it_is_decided(space: Arbitrary) -> None:
    schedule = space.enumerate()[-1]
    for length in range(len(schedule) + 1):
        codes, decided = space.features(schedule.prefix(length)).reshape(2, len(space.knobs))
        assert decided.tolist() == [1.0] * length + [0.0] * (len(schedule) - length)
        decided_knobs = zip(space.knobs, schedule[:length], strict=False)
        expected = [knob.encode(decision.value) if knob.scalar else 0.0 for knob, decision in decided_knobs]
        assert codes.tolist() == pytest.approx([*expected, *[0.0] * (len(schedule) - length)])


def test_features_are_float32() -> None:
    assert Pairs().features(Schedule()).dtype == np.float32


class Pairs(KnobSpace):
    """`second` must not be below `first`; nothing fits beside a first of 4."""

    knobs = (
        Knob("first", "log2", (1, 2, 4)),
        Knob("second", "ordinal", (1, 2, 3), needs=("first",)),
        Knob("fuse", "categorical", (False, True)),
    )

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return [v for v in knob.values if knob.name != "second" or int(v) >= int(chosen["first"])]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"first": 4, "second": 3, "fuse": True}, "first=4 is not legal here; expected first in [1, 2]"),
        ({"first": 2, "second": 1, "fuse": True}, "second=1 is not legal here; expected second in [2, 3]"),
        ({"first": 2, "second": 2, "fuse": 1}, "fuse=1 is not legal here; expected fuse in [False, True]"),
        ({"first": True, "second": 2, "fuse": True}, "first=True is not legal"),
        ({"first": 2.0, "second": 2, "fuse": True}, "first=2.0 is not legal"),
        ({"first": "2", "second": 2, "fuse": True}, "first='2' is not legal"),
        ({"second": 2, "first": 2, "fuse": True}, "second=2 is not legal here; expected first in [1, 2]"),
        ({"first": 2, "second": 2, "fuse": True, "more": 1}, "more=1 is not legal here; expected nothing more"),
        ({"first": 2, "fuse": True}, "fuse=True is not legal here; expected second in [2, 3]"),
        ({"first": 2, "second": 2}, "fuse is not decided"),
        ({}, "first is not decided"),
    ],
)
def test_the_check_names_the_first_decision_out_of_place(values: dict[str, Value], named: str) -> None:
    with pytest.raises(InvalidSchedule, match="^" + re.escape(named)):
        Pairs().check(Schedule.of(values))


def test_a_space_without_schedules_counts_none_and_refuses_the_beginning() -> None:
    space = Arbitrary([Knob("k", "ordinal", ())], 0)
    assert space.count() == 0
    with pytest.raises(InvalidSchedule, match="no way on"):
        space.check(Schedule())


def test_a_space_of_more_than_2_to_the_63_is_counted_exactly() -> None:
    knobs = [Knob("first", "ordinal", (1, 2)), *(Knob(f"k{i}", "ordinal", tuple(range(100))) for i in range(20))]

    class Large(KnobSpace):
        def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
            return knob.values

    space = Large()
    space.knobs = tuple(knobs)
    assert space.count() == 2 * 100**20


BLOCKS: dict[str, tuple[str, ...]] = {"x": (), "y": ("block_x",), "z": ("block_x", "block_y")}


class Blocks(KnobSpace):
    """A GPU kernel's blocks and tiles: 2 * 10^8 schedules under constraints; counts the questions about its rules."""

    knobs = (
        *(Knob(f"block_{loop}", "log2", tuple(2**i for i in range(8)), needs=needs) for loop, needs in BLOCKS.items()),
        *(Knob(f"tile_{loop}", "ordinal", tuple(range(1, 9)), needs=(f"block_{loop}",)) for loop in "xyz"),
        *(Knob(f"flag_{index}", "categorical", tuple(range(8))) for index in range(4)),
    )

    def __init__(self) -> None:
        self.asked = 0

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        self.asked += 1
        if knob.name.startswith("block"):
            threads = math.prod(map(int, chosen.values()))
            return [value for value in knob.values if int(value) * threads <= 1024]
        return [value for value in knob.values if all(int(value) * int(block) <= 256 for block in chosen.values())]


def test_a_thousand_draws_ask_for_a_rule_once_for_all_values_that_it_needs() -> None:
    space = Blocks()
    draw = Draw(space, np.random.default_rng(0))
    for schedule in [draw.fresh() for _ in range(1000)]:
        assert schedule is not None
        Blocks().check(schedule)
    assert space.count() > 10**8
    assert space.asked == 1 + 8 + 54 + 3 * 8 + 4  # of 64 blocks in two directions 54 are not too large


class Parity(KnobSpace):
    """Bits of an even sum, which is all of them that makes a difference."""

    def __init__(self, bits: int) -> None:
        names = tuple(f"b{index}" for index in range(bits))
        self.knobs = (*(Knob(name, "ordinal", (0, 1)) for name in names), Knob("even", "ordinal", (0,), needs=names))

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return knob.values if knob.name != "even" or sum(map(int, chosen.values())) % 2 == 0 else ()

    def essence(self, depth: int, chosen: Mapping[str, Value]) -> Mapping[str, Value]:
        odd = sum(map(int, chosen.values())) % 2
        return {name: odd if name == "b0" else 0 for name in chosen}


def test_what_makes_no_difference_does_not_multiply_the_work_of_counting() -> None:
    space = Parity(40)
    assert space.count() == 2**39
    ones = Schedule.of({f"b{index}": 1 for index in range(39)})
    assert [option.value for option in space.options(ones)] == [1]
    assert len(list(schedules(Parity(3)))) == 4


def test_a_knob_space_counts_and_a_plain_one_does_not() -> None:
    assert isinstance(Pairs(), CountedSpace)
    assert not isinstance(Tree(), CountedSpace)


def test_codes() -> None:
    assert Knob("k", "log2", (0, 1, 3, 7)).encode(7) == 3.0
    assert [Knob("k", "ordinal", (2, 3, 5)).encode(value) for value in (2, 3, 5)] == [0.0, 0.5, 1.0]
    assert Knob("k", "ordinal", (2,)).encode(2) == 0.0
    assert Knob("k", "categorical", ("a", "b", "c")).encode("c") == 2.0
    assert Knob("k", "permutation", ("m", "n")).encode("n") == 1.0


def test_neighbours() -> None:
    ordered = Knob("k", "log2", (1, 2, 4, 8))
    assert [ordered.neighbours(value) for value in ordered.values] == [(2,), (1, 4), (2, 8), (4,)]
    assert Knob("k", "ordinal", (1,)).neighbours(1) == ()
    assert Knob("k", "categorical", ("a", "b", "c")).neighbours("b") == ("a", "c")
    assert Knob("k", "permutation", ("m", "n", "k")).neighbours("m") == ("n", "k")
