"""Spaces that begin with the choice among several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from mlopt.core.alternatives import Alternatives
from mlopt.core.schedule import Decision, Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.testing.space import SpaceContract
from mlopt.testing.spaces import Flat, schedules


class Other(KnobSpace):
    """Six schedules, with a knob that Flat has, too, and hints."""

    knobs = (Knob("unroll", "ordinal", (2, 8)), Knob("peel", "categorical", ("no", "first", "last"), needs=("unroll",)))

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return knob.values

    def hints(self) -> Sequence[Mapping[str, Value]]:
        return [{"unroll": 8, "peel": "last"}, {"unroll": 2, "peel": "no"}]


class Refusing(KnobSpace):
    """A space that must not be made."""

    def __init__(self) -> None:
        raise AssertionError("a space that nobody asked for was made")


def path(**decisions: Value) -> Schedule:
    return Schedule.of(decisions)


BRANCHES: Mapping[Schedule, Callable[[], KnobSpace]] = {
    path(algorithm="flat"): Flat,
    path(algorithm="blocked", block=32): Other,
    path(algorithm="blocked", block=16): Other,
}


class TestAlternatives(SpaceContract):
    @pytest.fixture
    def space(self) -> Alternatives:
        return Alternatives(BRANCHES)


def test_every_schedule_is_one_of_a_branch_after_its_decisions() -> None:
    found = set(schedules(Alternatives(BRANCHES)))
    assert found == {Schedule((*p, *rest)) for p, make in BRANCHES.items() for rest in schedules(make())}
    assert len(found) == Alternatives(BRANCHES).count() == 43 + 6 + 6


def test_knobs_of_one_name_are_one_knob_with_the_values_of_all() -> None:
    knobs = {knob.name: knob.values for knob in Alternatives(BRANCHES).knobs}
    assert list(knobs)[:2] == ["algorithm", "block"]
    assert knobs["algorithm"] == ("flat", "blocked")
    assert knobs["block"] == (16, 32)
    assert knobs["unroll"] == (1, 2, 3, 8)


def test_a_knob_says_by_which_choices_it_comes() -> None:
    purposes = {knob.name: knob.purpose for knob in Alternatives(BRANCHES).knobs}
    assert purposes["algorithm"] == "choice of algorithm"
    assert purposes["block"] == "choice of block (with algorithm=blocked)"
    assert purposes["peel"] == " (with algorithm=blocked)"
    assert purposes["tile"] == " (with algorithm=flat)"
    assert purposes["unroll"] == ""
    further = {**BRANCHES, path(algorithm="blocked", block=8): Flat}
    purposes = {knob.name: knob.purpose for knob in Alternatives(further).knobs}
    assert purposes["peel"] == " (with algorithm=blocked, block=32 or 16)"


def test_a_space_is_made_only_where_it_is_chosen() -> None:
    space = Alternatives({path(algorithm="flat"): Flat, path(algorithm="other"): Refusing})
    schedule = next(iter(schedules(Flat())))
    space.check(Schedule((Decision("algorithm", "flat"), *schedule)))
    assert space.options(path(algorithm="flat")) == Flat().options(Schedule())


def test_hints_begin_with_the_decisions_that_lead_to_their_space() -> None:
    first, second, third = Alternatives(dict(reversed(BRANCHES.items()))).hints()
    assert first == {"algorithm": "blocked", "block": 16, "unroll": 8, "peel": "last"}
    assert second == {"algorithm": "blocked", "block": 32, "unroll": 8, "peel": "last"}  # the best of each other one
    assert third == {"algorithm": "blocked", "block": 16, "unroll": 2, "peel": "no"}


def test_features_tell_undecided_from_decided() -> None:
    space = Alternatives(BRANCHES)
    features = space.features(path(algorithm="blocked", block=16)).reshape(2, -1)
    assert features[1].sum() == 2
    assert np.array_equal(space.features(Schedule()), np.zeros(features.size))
