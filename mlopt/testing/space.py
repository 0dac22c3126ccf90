"""The contract of spaces."""

from __future__ import annotations

import itertools
import re
from abc import ABC, abstractmethod

import numpy as np
import pytest

from ..core.errors import InvalidSchedule
from ..core.schedule import Decision, Schedule, Value
from ..core.space import Knob
from ..protocols import CountedSpace, Space

WALKS = 20
DEEPEST = 1000


class SpaceContract(ABC):
    """What every space promises a search. Subclass it as `Test...` and say how to make one."""

    @abstractmethod
    def make(self) -> Space:
        """A space with at least one schedule."""

    @pytest.fixture
    def space(self) -> Space:
        return self.make()

    def test_every_way_down_ends_in_a_schedule_that_passes_the_check(self, space: Space) -> None:
        for schedule in walks(space):
            space.check(schedule)

    def test_options_are_distinct_values_of_one_knob_not_decided_before(self, space: Space) -> None:
        for prefix in prefixes(space):
            options = space.options(prefix)
            assert len(set(options)) == len(options)
            assert len({option.knob for option in options}) <= 1
            assert not {option.knob for option in options} & prefix.values().keys()

    def test_options_are_values_that_their_knob_knows(self, space: Space) -> None:
        for prefix in prefixes(space):
            for option in space.options(prefix):
                assert repr(option.value) in map(repr, knob_of(space, option).values)

    def test_options_do_not_depend_on_what_was_asked_before(self, space: Space) -> None:
        asked = [(prefix, space.options(prefix)) for prefix in prefixes(space)]
        fresh = self.make()
        for prefix, options in reversed(asked):
            assert list(fresh.options(prefix)) == list(options)

    def test_check_names_what_is_not_decided(self, space: Space) -> None:
        for prefix in prefixes(space):
            for option in space.options(prefix)[:1]:
                assert_refused(space, prefix, option)

    def test_check_names_a_decision_that_is_not_legal(self, space: Space) -> None:
        for schedule in walks(space):
            for length, decision in enumerate(schedule):
                offered = [option.value for option in space.options(schedule.prefix(length))]
                for value in ("no such value", *knob_of(space, decision).values):
                    if value not in offered:
                        wrong = Decision(decision.knob, value)
                        assert_refused(space, [*schedule[:length], wrong, *schedule[length + 1 :]], wrong)

    def test_check_tells_a_value_from_its_twin_of_another_type(self, space: Space) -> None:
        for schedule in walks(space):
            for length, decision in enumerate(schedule):
                for value in twins(decision.value):
                    wrong = Decision(decision.knob, value)
                    assert_refused(space, [*schedule[:length], wrong, *schedule[length + 1 :]], wrong)

    def test_check_names_a_decision_too_many(self, space: Space) -> None:
        extra = Decision("no such knob", 1)
        for schedule in walks(space):
            assert_refused(space, schedule.then(extra), extra)

    def test_features_are_finite_numbers_of_one_shape(self, space: Space) -> None:
        shape = space.features(Schedule()).shape
        assert len(shape) == 1
        for prefix in prefixes(space):
            features = space.features(prefix)
            assert features.shape == shape
            assert features.dtype == np.float32
            assert np.isfinite(features).all()

    def test_knobs_have_distinct_names_and_values(self, space: Space) -> None:
        assert len({knob.name for knob in space.knobs}) == len(space.knobs)
        for knob in space.knobs:
            assert len(set(knob.values)) == len(knob.values)  # True and 1 are one value

    def test_values_in_order_have_rising_codes(self, space: Space) -> None:
        for knob in space.knobs:
            codes = [knob.encode(value) for value in knob.values]
            assert np.isfinite(codes).all()
            if knob.kind in ("ordinal", "log2"):
                assert all(low < high for low, high in itertools.pairwise(codes))

    def test_a_count_is_the_sum_of_the_counts_below(self, space: Space) -> None:
        if not isinstance(space, CountedSpace):
            pytest.skip("this space does not count its schedules")
        for prefix in prefixes(space):
            options = space.options(prefix)
            assert space.count(prefix) == (sum(space.count(prefix.then(option)) for option in options) or 1)
            assert list(space.counts(prefix)) == [space.count(prefix.then(option)) for option in options]


def walks(space: Space) -> list[Schedule]:
    """Random ways down, the same ones each time."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(WALKS):
        prefix = Schedule()
        while options := space.options(prefix):
            prefix = prefix.then(options[int(rng.integers(len(options)))])
            assert len(prefix) <= DEEPEST, "the way down does not end"
        found.append(prefix)
    return found


def prefixes(space: Space) -> list[Schedule]:
    """Every prefix on these ways."""
    return list(dict.fromkeys(walk.prefix(length) for walk in walks(space) for length in range(len(walk) + 1)))


def knob_of(space: Space, decision: Decision) -> Knob:
    return next(knob for knob in space.knobs if knob.name == decision.knob)


def twins(value: Value) -> list[Value]:
    """The values that equal `value` and yet are another choice."""
    if isinstance(value, str):
        return []
    return [twin for twin in (bool(value), int(value), float(value)) if twin == value and type(twin) is not type(value)]


def assert_refused(space: Space, decisions: Schedule | list[Decision], named: Decision) -> None:
    with pytest.raises(InvalidSchedule, match=re.escape(named.knob)):
        space.check(Schedule(decisions))
