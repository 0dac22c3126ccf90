"""Schedules to choose from."""

from __future__ import annotations

import numpy as np
from counted import Counted, Long
from tiles import GOOD, TILES

from mlopt.core.schedule import Schedule
from mlopt.search.candidates import MOST_NEIGHBOURS, Candidates


def test_neighbours_are_legal_and_differ_in_a_decision_or_two() -> None:
    around = Candidates(TILES, np.random.default_rng(0)).around(GOOD, 0)
    for schedule in around:
        TILES.check(schedule)
    changes = [len({*schedule} - {*GOOD}) for schedule in around]
    assert {1, 2} <= {*changes}
    assert max(changes) <= 4  # as many repaired
    singles = {decision for schedule in around for decision in schedule if len({*schedule} - {*GOOD}) == 1} - {*GOOD}
    assert len(singles) == 42  # all that are legal


def test_of_thousands_of_neighbours_few_are_looked_at() -> None:
    candidates, first = Candidates(Long(), np.random.default_rng(0)), Schedule.of({"place": Counted(1), "layout": 2})
    candidates.around(first, 0)  # which learns what there is
    Counted.compared = 0
    around = candidates.around(Schedule.of({"place": Counted(70), "layout": Counted(7)}), 1)
    assert len(around) > MOST_NEIGHBOURS
    assert Counted.compared < 10_000  # for each of them as many values as there are would be a million
