"""Which way of making new schedules pays."""

from __future__ import annotations

import numpy as np
import pytest
from tiles import BEST, FAR, GOOD, TILES, ok

from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.search.operators import Operators
from mlopt.search.population import Best
from mlopt.search.vary import Vary


def operators() -> Operators:
    rng = np.random.default_rng(0)
    return Operators(Vary(TILES, rng), TILES.knobs, rng)


def population() -> Best:
    """GOOD took 1 s, FAR took 2 s."""
    members = Best(4)
    members.settle(GOOD, 1.0)
    members.settle(FAR, 2.0)
    return members


CHILDREN = [
    ("near", {**BEST, "inner_k": 4}),
    ("far", {**BEST, "inner_k": 16}),
    ("several", {**BEST, "inner_k": 4, "inner_n": 64}),
    ("cross", {**GOOD.values(), "pack": "none"}),
]


@pytest.mark.parametrize(("name", "child"), CHILDREN)
def test_a_success_makes_what_led_to_it_likelier_and_failures_less_likely(name: str, child: dict[str, int]) -> None:
    before = operators().probabilities()[name]
    for trial, better in ((ok(Schedule.of(child), 0.5), True), (Trial(0, Schedule.of(child), Status.CRASH), False)):
        judging = operators()
        judging.judge(trial, population())
        chances = judging.probabilities()
        assert (chances[name] > before) is better
        assert sum(chances.values()) == pytest.approx(1.0)


def test_no_better_than_its_parent_is_no_success() -> None:
    judging = operators()
    judging.judge(ok(Schedule.of(BEST), 1.0), population())
    assert judging.probabilities()["near"] < 0.25


def test_no_operator_is_ever_given_up() -> None:
    judging = operators()
    for _ in range(300):
        judging.judge(Trial(0, Schedule.of(BEST), Status.CRASH), population())
    assert 0.06 < judging.probabilities()["near"] < 0.08


def test_before_there_are_parents_nothing_is_learned() -> None:
    judging = operators()
    judging.judge(ok(GOOD, 1.0), Best(4))
    assert judging.probabilities() == operators().probabilities()


def test_children_are_legal_and_made_in_all_ways() -> None:
    breeding = operators()
    children = [breeding.breed(GOOD, FAR) for _ in range(60)]
    for child in children:
        TILES.check(child)
    changes = {len([decision for decision in child if decision not in GOOD]) for child in children}
    assert {1, 2, 3} <= changes
    assert any({*child} <= {*GOOD, *FAR} and child not in (GOOD, FAR) for child in children)
