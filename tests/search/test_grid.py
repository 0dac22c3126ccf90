"""Exhaustive search."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from mlopt.core.schedule import Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Budget, Search, Space, StudyContext
from mlopt.search.grid import Grid
from mlopt.testing import SearchContract
from mlopt.testing.spaces import Flat, Tree, schedules


class TestGrid(SearchContract):
    learns = False

    def make(self) -> Search:
        return Grid()


class Impossible(KnobSpace):
    """No schedule at all."""

    knobs = (Knob("only", "ordinal", (1, 2)),)

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return ()


class Huge(KnobSpace):
    """8^40 schedules; says how often it was asked for options."""

    knobs = tuple(Knob(f"k{index}", "ordinal", tuple(range(8))) for index in range(40))
    asked = 0

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        self.asked += 1
        return knob.values


def started(space: Space) -> Grid:
    search = Grid()
    search.start(space, StudyContext(np.random.default_rng(0), Budget(10), slots=1))
    return search


def test_goes_through_the_space_in_its_order() -> None:
    for space in (Flat(), Tree()):
        assert started(space).ask(1000) == list(schedules(space))


def test_passes_over_what_was_told_before_its_turn() -> None:
    search, space = started(Flat()), Flat()
    told = list(itertools.islice(schedules(space), 1, None, 2))
    search.tell([Trial(number, schedule, Status.CRASH) for number, schedule in enumerate(told)])
    assert search.ask(1000) == list(itertools.islice(schedules(space), 0, None, 2))


def test_a_trial_that_only_looks_like_a_schedule_of_the_space_hides_none() -> None:
    search = started(Flat())
    first = next(schedules(Flat()))
    search.tell([Trial(0, Schedule.of({**first.values(), "vectorize": 0}), Status.OK, 1.0)])  # 0 is not False
    assert search.ask(1) == [first]


def test_proposes_nothing_where_there_is_nothing() -> None:
    assert started(Impossible()).ask(5) == []


def test_begins_at_once_in_a_space_that_nobody_could_finish() -> None:
    space = Huge()
    first = started(space).ask(10)
    assert [schedule[-1].value for schedule in first] == [0, 1, 2, 3, 4, 5, 6, 7, 0, 1]
    assert space.asked < 1000
