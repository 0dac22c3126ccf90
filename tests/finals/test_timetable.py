"""How limited seconds are shared out."""

from __future__ import annotations

import math

import pytest

from mlopt.finals.timetable import Timetable


def test_without_a_limit_everything_has_its_time() -> None:
    timetable = Timetable(math.inf)
    assert timetable.has_turn(1e9)
    assert timetable.slow_seconds(60.0) == 60.0


@pytest.mark.parametrize(("lasts", "begins"), [(79.0, True), (81.0, False)])
def test_no_turn_begins_that_would_leave_no_time_for_the_checks(lasts: float, begins: bool) -> None:
    assert Timetable(100.0).has_turn(lasts) == begins


def test_a_slow_contender_leaves_most_of_the_time_to_others() -> None:
    assert Timetable(20.0).slow_seconds(60.0) == pytest.approx(1.0)
    assert Timetable(1e6).slow_seconds(60.0) == 60.0
