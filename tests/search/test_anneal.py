"""Simulated annealing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tiles import FAR, GOOD, Hinted, begun, best, distance, ok

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Search
from mlopt.search.anneal import Anneal
from mlopt.search.random import Random
from mlopt.testing import SearchContract
from mlopt.testing.spaces import Line


class TestAnneal(SearchContract):
    def make(self) -> Search:
        return Anneal()


class TestShortWalks(SearchContract):
    """Walks, grows tired and begins again within the contract's small spaces."""

    def make(self) -> Search:
        return Anneal(draws=2, heat=2.0, patience=3, again=0.5, kick=2)


def walking(seed: int = 0, **settings: float) -> Anneal:
    """A search whose walk stands at GOOD, which took 1 s."""
    search = begun(Anneal(draws=1, **settings), seed=seed)  # type: ignore[arg-type]
    search.tell([ok(GOOD, 1.0)])
    return search


def test_200_trials_come_far_closer_to_the_best_than_random_search() -> None:
    walked = [best(Anneal(), seed) for seed in range(4)]
    drawn = [best(Random(), seed) for seed in range(4)]
    assert max(walked) < min(drawn)
    assert np.mean(walked) - 1.0 < 0.5 * (np.mean(drawn) - 1.0)


def test_begins_with_uniform_draws_and_walks_from_the_best_of_them() -> None:
    search = begun(Anneal(draws=4, local=1.0))
    draws = search.ask(3)
    search.tell([ok(schedule, 3.0) for schedule in draws])
    assert min(distance(schedule) for schedule in draws) > 2
    search.tell([ok(GOOD, 1.0)])
    assert max(distance(schedule) for schedule in search.ask(5)) <= 2  # one decided anew, at most one repaired


def test_begins_with_the_hints_of_the_space_made_legal() -> None:
    search = begun(Anneal(), Hinted())
    first, second = search.ask(2)
    assert first.values() == Hinted().hints()[0]
    assert second.values() == {**Hinted().hints()[0], "inner_k": 128}
    assert Hinted().hints()[0] not in [schedule.values() for schedule in begun(Anneal(hints=False), Hinted()).ask(16)]


def test_walks_to_a_better_schedule() -> None:
    search = walking()
    search.tell([ok(FAR, 0.5)])
    assert min(distance(schedule) for schedule in search.ask(10)) > 2


@pytest.mark.parametrize("failure", [Status.CRASH, Status.WRONG_RESULT])
def test_never_walks_to_a_failure(failure: Status) -> None:
    search = walking(heat=1e9)
    search.tell([Trial(1, FAR, failure)])
    assert max(distance(schedule) for schedule in search.ask(10)) <= 2


def test_without_heat_never_walks_to_a_worse_one() -> None:
    search = walking(heat=0.0)
    search.tell([ok(FAR, 1.001)])
    assert max(distance(schedule) for schedule in search.ask(10)) <= 2


def uphill(seconds: float, **settings: float) -> float:
    """How often a walk goes from a schedule of 1 s to one of `seconds`, the only difference that it has seen."""
    walked = 0
    for seed in range(60):
        search = walking(seed=seed, **settings)
        search.tell([ok(FAR, seconds)])
        walked += min(distance(schedule) for schedule in search.ask(4)) > 2
    return walked / 60


def test_with_heat_walks_to_a_worse_one_at_times_whatever_the_unit() -> None:
    half = 1 / math.log(2)  # the heat at which a difference like all others is walked with probability 1/2
    assert 0.3 < uphill(1.001, heat=half, cooling=1.0) < 0.7
    assert uphill(1.001, heat=half, cooling=1.0) == uphill(1000.0, heat=half, cooling=1.0)
    assert uphill(1.001, heat=half / 4, cooling=1.0) < 0.2
    assert uphill(1.001, heat=half, cooling=0.0) == 0


def test_a_tired_walk_begins_again_near_the_best_or_anywhere() -> None:
    def next_walk(again: float) -> list[int]:
        search = walking(patience=3, again=again, kick=1)
        search.tell([Trial(0, step, Status.CRASH) for step in search.ask(3)])
        return [distance(schedule) for schedule in search.ask(8)]

    assert max(next_walk(again=1.0)) <= 2
    assert min(next_walk(again=0.0)) > 2


def test_a_new_walk_begins_where_it_was_proposed_though_neighbours_of_the_last_one_end_first() -> None:
    search = walking(patience=3, again=0.0)
    *lost, first, second = search.ask(5)
    search.tell([Trial(0, schedule, Status.CRASH) for schedule in lost])  # of which the walk is tired
    failing, beginning = search.ask(2)
    search.tell([ok(first, 2.0), ok(second, 2.0), Trial(0, failing, Status.CRASH), ok(beginning, 5.0)])
    assert max(len({*step} - {*beginning}) for step in search.ask(6)) <= 2


def test_where_a_beginning_fails_another_one_is_proposed() -> None:
    search = walking(patience=1, again=0.0)
    search.tell([Trial(0, search.ask(1)[0], Status.CRASH)])
    for _ in range(3):
        (beginning,) = search.ask(1)
        assert distance(beginning) > 2
        search.tell([Trial(0, beginning, Status.CRASH)])


def test_what_others_try_is_no_beginning() -> None:
    search = walking(patience=1, again=1.0, kick=1)
    search.tell([Trial(0, search.ask(1)[0], Status.CRASH)])
    search.tell([ok(FAR, 5.0)])
    assert max(distance(schedule) for schedule in search.ask(8)) <= 2


def test_a_kick_stays_near_where_there_are_fewer_decisions_than_it_makes_anew() -> None:
    search = begun(Anneal(draws=1, local=1.0, patience=1, again=1.0, kick=3), Line())
    search.tell([ok(Schedule.of({"place": 14}), 1.0), Trial(0, Schedule.of({"place": 0}), Status.CRASH)])
    assert {int(schedule.values()["place"]) for schedule in search.ask(2)} == {13, 15}


def test_a_kick_makes_several_decisions_anew() -> None:
    search = walking(patience=1, again=1.0, kick=6)
    search.tell([Trial(0, FAR, Status.CRASH)])
    assert np.mean([distance(schedule) for schedule in search.ask(8)]) > 3


def test_a_step_is_local_or_goes_anywhere() -> None:
    def steps(local: float) -> list[float]:
        """How many powers of two lie between the outermost tile and that of each step."""
        pairs = [(GOOD[0], schedule[0]) for schedule in walking(local=local).ask(20)]
        return [abs(math.log2(int(mine.value) / int(theirs.value))) for mine, theirs in pairs]

    assert max(steps(1.0)) == 1
    assert max(steps(0.0)) > 1


@pytest.mark.parametrize(
    ("argument", "value", "limits"),
    [
        ("draws", 0, "at least 1"),
        ("local", 1.5, "between 0 and 1"),
        ("heat", -1.0, "at least 0"),
        ("cooling", 1.1, "between 0 and 1"),
        ("patience", 0, "at least 1"),
        ("again", -0.1, "between 0 and 1"),
        ("kick", 0, "at least 1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(argument: str, value: float, limits: str) -> None:
    with pytest.raises(UserError, match=f"search.{argument}={value} must be {limits}"):
        Anneal(**{argument: value})  # type: ignore[arg-type]
