"""Mutation, crossover and repair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from counted import Counted, Long

from mlopt.core.schedule import Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.protocols import Space
from mlopt.search.vary import Vary
from mlopt.testing.spaces import Flat, Tree, schedules

SPACES = [Flat, Tree]


def vary(space: Space, seed: int = 0) -> Vary:
    return Vary(space, np.random.default_rng(seed))


def flat(tile: int, register: int, vectorize: bool, unroll: int) -> Schedule:
    return Schedule.of({"tile": tile, "register": register, "vectorize": vectorize, "unroll": unroll})


def changed(parent: Schedule, child: Schedule) -> dict[str, Value]:
    return {d.knob: d.value for d in child if d not in parent}


@pytest.mark.parametrize("make", SPACES)
def test_children_are_complete_and_legal(make: Callable[[], Space]) -> None:
    space = make()
    source = vary(space)
    parents = list(schedules(space))
    for first, second in zip(parents, reversed(parents), strict=True):
        space.check(source.mutate(first, 2, 0.5))
        space.check(source.cross(first, second))


def test_a_legal_schedule_needs_no_repair() -> None:
    for schedule in schedules(Flat()):
        assert vary(Flat()).repair(schedule.values()) == schedule


def test_repair_takes_the_nearest_legal_value_where_order_means_something() -> None:
    for seed in range(10):
        wanted = {"tile": 2, "register": 8, "vectorize": False, "unroll": 3}
        assert vary(Flat(), seed).repair(wanted) == flat(2, 2, False, 2)


@pytest.mark.parametrize(("wanted", "nearest"), [(3, 4), (1000, 16), (0, 1), (-4, 1)])
def test_repair_takes_the_nearest_to_a_value_of_another_space(wanted: Value, nearest: int) -> None:
    for seed in range(5):
        assert vary(Powers(), seed).repair({"tile": wanted}) == Schedule.of({"tile": nearest})


def test_repair_draws_where_no_value_is_nearest() -> None:
    assert len({vary(Powers(), seed).repair({"tile": "wide"}) for seed in range(40)}) > 2


def test_repair_draws_where_order_means_nothing_or_nothing_is_wanted() -> None:
    wanted: dict[str, Value] = {"transformation": "tile", "outer": "m", "inner": "m"}
    repaired = [vary(Tree(), seed).repair(wanted).values() for seed in range(60)]
    assert {values["inner"] for values in repaired} == {"n", "k"}
    assert {values["tile"] for values in repaired} == {4, 8, 16, 32}


def test_repair_passes_over_values_and_knobs_that_nobody_knows() -> None:
    wanted: dict[str, Value] = {"tile": "wide", "register": 1, "no such knob": 1}
    assert vary(Flat()).repair(wanted).values()["register"] == 1


@pytest.mark.parametrize("changes", [1, 2, 3, 4])
def test_a_mutation_changes_as_many_decisions_as_told(changes: int) -> None:
    parent = flat(8, 1, False, 1)  # beside which every neighbour of every value is legal
    for seed in range(20):
        assert len(changed(parent, vary(Flat(), seed).mutate(parent, changes, 1.0))) == changes


def test_a_mutation_of_one_free_decision_among_forced_ones_finds_it() -> None:
    forced = Schedule.of({"transformation": "unroll", "factor": 5, "peel": True})
    for seed in range(20):
        child = vary(Tree(), seed).mutate(forced, 1, 0.0)
        assert child != forced


def test_a_local_mutation_goes_to_the_next_legal_value() -> None:
    parent = flat(4, 2, False, 2)
    steps = [changed(parent, vary(Flat(), seed).mutate(parent, 1, 1.0)) for seed in range(100)]
    assert {step["tile"] for step in steps if "tile" in step} == {2, 8}
    assert {step["register"] for step in steps if "register" in step} == {1, 4}
    assert {step["unroll"] for step in steps if "unroll" in step} == {1, 3}


class Powers(KnobSpace):
    """One tile size."""

    knobs = (Knob("tile", "log2", (1, 4, 16)),)

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return knob.values


class Divisors(KnobSpace):
    """One knob, of whose values only some are legal."""

    knobs = (Knob("tile", "ordinal", tuple(range(1, 17))),)

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return [1, 4, 16]


def test_a_local_mutation_leaps_over_values_that_are_not_legal() -> None:
    children = {vary(Divisors(), seed).mutate(Schedule.of({"tile": 16}), 1, 1.0) for seed in range(10)}
    assert children == {Schedule.of({"tile": 4})}


def test_a_mutation_that_is_not_local_goes_anywhere_else() -> None:
    parent = flat(8, 8, True, 2)
    steps = [changed(parent, vary(Flat(), seed).mutate(parent, 1, 0.0)) for seed in range(100)]
    assert {step["tile"] for step in steps if "tile" in step} == {1, 2, 4}


def test_a_mutation_that_takes_another_branch_decides_its_knobs() -> None:
    parent = Schedule.of({"transformation": "none"})
    children = [vary(Tree(), seed).mutate(parent, 1, 0.5) for seed in range(40)]
    assert {child.values()["transformation"] for child in children} == {"tile", "unroll"}


def test_a_cross_begins_like_the_first_and_ends_like_the_second() -> None:
    first, second = flat(8, 1, False, 1), flat(4, 4, True, 2)
    children = {vary(Flat(), seed).cross(first, second) for seed in range(40)}
    assert children == {flat(8, 4, True, 2), flat(8, 1, True, 2), flat(8, 1, False, 2)}


def test_a_cross_of_different_branches_keeps_what_only_the_first_decides() -> None:
    first = Schedule.of({"transformation": "tile", "tile": 8, "outer": "m", "inner": "n"})
    second = Schedule.of({"transformation": "none"})
    assert {vary(Tree(), seed).cross(first, second) for seed in range(20)} == {first}


def test_of_thousands_of_values_few_are_looked_at() -> None:
    source, parent = vary(Long()), Schedule.of({"place": Counted(70), "layout": Counted(7)})
    for local in (0.0, 1.0):
        source.mutate(parent, 2, local)  # which learns what there is
        Counted.compared = 0
        child = source.mutate(parent, 2, local)
        assert len(changed(parent, child)) == 2
        assert Counted.compared < 100
