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
    return Operators(Vary(TILES, rng), rng)


def population() -> Best:
    """GOOD took 1 s, FAR took 2 s."""
    members = Best(4)
    members.settle(GOOD, 1.0)
    members.settle(FAR, 2.0)
    return members


CHILD = Schedule.of({**BEST, "inner_k": 4})


@pytest.mark.parametrize("name", Operators.NAMES)
def test_a_success_makes_what_led_to_it_likelier_and_failures_less_likely(name: str) -> None:
    before = operators().probabilities()[name]
    for trial, better in ((ok(CHILD, 0.5), True), (Trial(0, CHILD, Status.CRASH), False)):
        judging = operators()
        judging.judge(trial, name, population())
        chances = judging.probabilities()
        assert (chances[name] > before) is better
        assert sum(chances.values()) == pytest.approx(1.0)


def test_no_better_than_its_parent_is_no_success() -> None:
    judging = operators()
    judging.judge(ok(CHILD, 1.0), "near", population())
    assert judging.probabilities()["near"] < 0.25


def test_no_operator_is_ever_given_up() -> None:
    judging = operators()
    for _ in range(300):
        judging.judge(Trial(0, CHILD, Status.CRASH), "near", population())
    assert 0.06 < judging.probabilities()["near"] < 0.08


def test_before_there_are_parents_nothing_is_learned() -> None:
    judging = operators()
    judging.judge(ok(GOOD, 1.0), "near", Best(4))
    assert judging.probabilities() == operators().probabilities()


def test_children_are_legal_and_made_in_all_ways() -> None:
    breeding = operators()
    children = [breeding.breed(GOOD, FAR) for _ in range(200)]
    for child, _ in children:
        TILES.check(child)
    changes = {name: [len({*child} - {*GOOD}) for child, by in children if by == name] for name in Operators.NAMES}
    assert min(changes["several"]) > 1
    assert max(changes["near"]) <= max(changes["far"]) <= 2  # one decided anew, at most one repaired
    assert all({*child} <= {*GOOD, *FAR} for child, by in children if by == "cross")
