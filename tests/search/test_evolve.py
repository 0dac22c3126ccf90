"""Evolutionary search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from tiles import BEST, FAR, GOOD, Hinted, begun, best, distance, ok, trial

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Search
from mlopt.search.evolve import Evolve
from mlopt.search.random import Random
from mlopt.testing import SearchContract


class TestEvolve(SearchContract):
    def make(self) -> Search:
        return Evolve()


class TestSmallPopulation(SearchContract):
    """Evolves, migrates and is settled anew from the first trials on, also in the contract's small spaces."""

    def make(self) -> Search:
        return Evolve(population=2, draws=2, tournament=1, islands=3, migration=2, patience=2, niches=5)


def bred(trials: Sequence[Trial], seed: int = 0, **settings: int) -> list[Schedule]:
    """30 schedules that are proposed after these trials."""
    search = begun(Evolve(draws=1, **settings), seed=seed)  # type: ignore[arg-type]
    search.tell(trials)
    return list(search.ask(30))


def test_200_trials_come_far_closer_to_the_best_than_random_search() -> None:
    evolved = [best(Evolve(), seed) for seed in range(4)]
    drawn = [best(Random(), seed) for seed in range(4)]
    assert max(evolved) < min(drawn)
    assert np.mean(evolved) - 1.0 < 0.5 * (np.mean(drawn) - 1.0)


def test_begins_with_uniform_draws_then_breeds() -> None:
    search = begun(Evolve(population=1, draws=10))
    search.tell([ok(GOOD, 1.0)])
    assert min(distance(schedule) for schedule in search.ask(9)) > 1
    assert np.mean([distance(schedule) for schedule in search.ask(20)]) < 3


@pytest.mark.parametrize("failure", [Status.CRASH, Status.WRONG_RESULT])
def test_a_failure_is_no_parent(failure: Status) -> None:
    assert min(distance(schedule) for schedule in bred([Trial(0, GOOD, failure)])) > 2


def test_only_the_best_are_parents() -> None:
    for trials in ([ok(FAR, 2.0), ok(GOOD, 1.0)], [ok(GOOD, 1.0), ok(FAR, 2.0)]):
        assert np.mean([distance(schedule) for schedule in bred(trials, population=1)]) < 3


def test_the_fitter_are_chosen_more_often() -> None:
    others = [ok(schedule, 2.0) for schedule in begun(Random()).ask(7)]

    def mean_distance(tournament: int) -> float:
        children = bred([*others, ok(GOOD, 1.0)], population=8, tournament=tournament)
        return float(np.mean([distance(schedule) for schedule in children]))

    assert mean_distance(tournament=20) < 3 < mean_distance(tournament=1)


def test_crossing_brings_two_parents_together() -> None:
    children = bred([ok(GOOD, 1.0), ok(FAR, 1.0)], population=2, tournament=1)
    assert any({*child} <= {*GOOD, *FAR} and child not in (GOOD, FAR) for child in children)


def test_a_trial_of_another_space_is_no_parent() -> None:
    alien = Schedule.of({"no such knob": 1})
    assert bred([ok(GOOD, 1.0), ok(alien, 0.5)]) == bred([ok(GOOD, 1.0)])


@pytest.mark.parametrize("setting", ["population", "draws", "tournament", "islands", "migration", "patience", "niches"])
def test_a_setting_that_makes_no_sense_is_refused(setting: str) -> None:
    with pytest.raises(UserError, match=f"search.{setting}=0 must be at least 1"):
        Evolve(**{setting: 0})  # type: ignore[arg-type]


def test_an_objective_counts_once() -> None:
    with pytest.raises(UserError, match="names one twice"):
        Evolve(objectives=["seconds", "seconds"])


def test_begins_with_the_hints_of_the_space_made_legal() -> None:
    first, second = begun(Evolve(), Hinted()).ask(2)
    assert first.values() == BEST
    assert second.values() == {**BEST, "inner_k": 128}


def test_uniform_draws_follow_the_hints() -> None:
    search = begun(Evolve(draws=4), Hinted())
    search.tell([ok(schedule, 1.0) for schedule in search.ask(2)])
    assert min(distance(schedule) for schedule in search.ask(4)) > 2


def chances(search: Evolve) -> Mapping[str, float]:
    return search._operators.probabilities()


def test_an_operator_is_credited_for_what_it_bred_before_and_after_a_resume() -> None:
    search, told = begun(Evolve(draws=2)), []
    for number in range(40):
        told.append(trial(number, search.ask(1)[0]))
        search.tell(told[-1:])
    resumed = begun(Evolve(draws=2))
    resumed.tell(told)
    assert chances(resumed) == chances(search) != chances(begun(Evolve()))


def test_no_operator_is_credited_for_what_others_proposed() -> None:
    search = begun(Evolve(draws=1))
    search.tell([ok(schedule, 1.0 / (1 + number)) for number, schedule in enumerate(begun(Random(), seed=1).ask(20))])
    assert chances(search) == chances(begun(Evolve()))


def test_a_child_joins_the_island_of_its_parents_in_whatever_order_children_end() -> None:
    search = begun(Evolve(draws=1, population=2))
    founders = [ok(schedule, 50.0 + number) for number, schedule in enumerate(begun(Random()).ask(8))]
    search.tell(founders)
    here, there = (search._population.turn(number) for number in (8, 9))
    first, second = search.ask(2)
    search.tell([ok(second, 2.0), ok(first, 1.0)])
    assert (here.members[0], there.members[0]) == (first, second)


def test_leaves_the_hints_out_when_told_so() -> None:
    assert BEST not in [schedule.values() for schedule in begun(Evolve(hints=False), Hinted()).ask(16)]
