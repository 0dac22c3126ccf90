"""Counting the schedules of flat spaces, exactly and where that takes too long."""

from __future__ import annotations

import hashlib
import itertools
import math
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.core.counting import Bounding, Counting, Summaries, TooMany, affordable, counting
from mlopt.core.schedule import Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.search.draw import Draw
from mlopt.testing.spaces import schedules


class Hashed(KnobSpace):
    """Constraints as good as random."""

    def __init__(self, knobs: Sequence[Knob], seed: int) -> None:
        self.knobs = tuple(knobs)
        self._seed = seed

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        def allowed(value: Value) -> bool:
            return hashlib.sha256(f"{self._seed}{knob.name}{value}{needed}".encode()).digest()[0] < 150

        needed = [chosen[name] for name in knob.needs]
        return [value for value in knob.values if not needed or allowed(value)]


class Bounded(Hashed):
    """The same, without time to count more than four summaries."""

    @property
    def _counting(self) -> Bounding:  # type: ignore[override]
        return self.__dict__.setdefault("bounds", Bounding(self.knobs, self.legal, None, most=4))


@st.composite
def twins(draw: st.DrawFn) -> tuple[Hashed, Bounded]:
    """A space, and the same one with bounds for counts."""
    knobs: list[Knob] = []
    for index in range(draw(st.integers(1, 5))):
        needs = tuple(knob.name for knob in knobs if draw(st.booleans()))
        knobs.append(Knob(f"k{index}", "ordinal", tuple(range(draw(st.integers(1, 3)))), needs=needs))
    seed = draw(st.integers(0, 1000))
    return Hashed(knobs, seed), Bounded(knobs, seed)


@settings(max_examples=40, deadline=None)
@given(twins())
def test_bounds_offer_what_exact_counts_offer_and_are_never_too_low(twin: tuple[Hashed, Bounded]) -> None:
    exact, bounded = twin
    for length in range(len(exact.knobs) + 1):
        for prefix in {schedule.prefix(length) for schedule in schedules(exact)} | {Schedule()}:
            options = bounded.options(prefix)
            assert options == exact.options(prefix)
            assert all(
                bound >= count for bound, count in zip(bounded.counts(prefix), exact.counts(prefix), strict=True)
            )
            assert bounded.count(prefix) >= sum(bounded.counts(prefix))
            assert list(bounded.counts(prefix)) == [bounded.count(prefix.then(option)) for option in options]
            assert bool(bounded.count(prefix)) == bool(exact.count(prefix))


@settings(max_examples=40, deadline=None)
@given(twins(), st.integers(0, 100))
def test_with_bounds_every_schedule_is_drawn_once_and_then_none(twin: tuple[Hashed, Bounded], seed: int) -> None:
    exact, bounded = twin
    draw = Draw(bounded, np.random.default_rng(seed))
    expected = list(schedules(exact)) if exact.count() else []
    assert sorted(filter(None, (draw.fresh() for _ in expected))) == sorted(expected)
    assert draw.fresh() is None


@settings(max_examples=40, deadline=None)
@given(twins())
def test_every_schedule_has_one_rank_and_other_ranks_are_nobodys(twin: tuple[Hashed, Bounded]) -> None:
    exact, bounded = twin
    expected = list(schedules(exact)) if exact.count() else []
    assert [exact.ranked(rank) for rank in range(exact.count())] == expected
    found = [bounded.ranked(rank) for rank in range(bounded.count())]
    assert [schedule for schedule in found if schedule is not None] == expected


class Last(KnobSpace):
    """10^9 schedules, more than half of which the last knob forbids: it needs all others."""

    def __init__(self, knobs: int = 9) -> None:
        free = [Knob(f"k{index}", "ordinal", tuple(range(10))) for index in range(knobs)]
        self.asked = 0
        self.knobs = (*free, Knob("last", "ordinal", tuple(range(10)), needs=tuple(knob.name for knob in free)))

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        self.asked += 1
        total = sum(map(int, chosen.values()))
        return [value for value in knob.values if knob.name != "last" or int(value) < total % 10]


def test_a_last_knob_that_needs_all_others_is_not_counted_out() -> None:
    space = Last()
    assert isinstance(counting(space.knobs, space.legal, None), Bounding)
    draw = Draw(space, np.random.default_rng(0))
    drawn = [schedule for schedule in (draw.fresh() for _ in range(400)) if schedule is not None]
    assert len(set(drawn)) == 400
    assert space.asked < 10 * len(drawn)  # what is not chosen is not looked at
    for schedule in drawn:
        space.check(schedule)
    # Uniform over schedules: among those that the last knob allows, small values of it are the more frequent ones.
    frequency = np.bincount([int(schedule[-1].value) for schedule in drawn], minlength=10) / 400
    assert frequency == pytest.approx((9 - np.arange(10)) / 45, abs=0.07)
    assert np.mean([int(schedule[0].value) for schedule in drawn]) == pytest.approx(4.5, abs=0.6)


def test_a_count_that_is_given_up_has_asked_for_no_rule_of_which_there_are_too_many_cases() -> None:
    space = Last()
    with pytest.raises(TooMany):
        Counting(Summaries(space.knobs, space.legal), most=1000).children(Schedule())
    assert space.asked <= len(space.knobs)


def test_few_summaries_are_counted_exactly() -> None:
    space = Last(2)
    exact = counting(space.knobs, space.legal, None)
    assert isinstance(exact, Counting)
    assert exact.children(Schedule()).total == sum((a + b) % 10 for a, b in itertools.product(range(10), repeat=2))
    assert isinstance(counting(space.knobs, space.legal, None, most=10), Bounding)


def test_constraints_are_kept_as_long_as_they_are_affordable_those_on_little_first() -> None:
    knobs = [Knob(name, "ordinal", tuple(range(4))) for name in "abc"]
    pair, triple = Knob("pair", "ordinal", (0,), needs=("c",)), Knob("triple", "ordinal", (0,), needs=("a", "b", "c"))

    def kept(most: int) -> set[str]:
        return {knob.name for knob in affordable([*knobs, triple, pair], most) if knob.needs}

    assert kept(3) == set()
    assert kept(4) == {"pair"}
    assert kept(math.prod([4, 4, 4])) == {"pair", "triple"}


def test_more_knobs_than_calls_may_nest_are_looked_through() -> None:
    """What follows a 1 is a 1, until the last knob, which nothing can be after a 1."""
    names = [f"k{number}" for number in range(2 * sys.getrecursionlimit())]
    needs: list[tuple[str, ...]] = [(), *((name,) for name in names[:-1])]
    knobs = [Knob(name, "ordinal", (0, 1), needs=need) for name, need in zip(names, needs, strict=True)]

    def legal(knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        if 1 in chosen.values():
            return () if knob.name == names[-1] else (1,)
        return knob.values

    offered = Bounding(knobs, legal, None, most=1).children(Schedule()).options
    assert [option.value for option in offered] == [0]
