"""Evolution with several objectives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tiles import FAR, GOOD, begun

from mlopt.core.errors import UserError
from mlopt.core.pareto import front
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Search
from mlopt.search.evolve import Evolve
from mlopt.search.pareto import Pareto
from mlopt.search.random import Random

OBJECTIVES = ("seconds", "code_bytes")


def judged(schedule: Schedule, seconds: float, code_bytes: float, number: int = 0) -> Trial:
    return Trial(number, schedule, Status.OK, seconds, metrics={"code_bytes": code_bytes})


def conflicting(number: int, schedule: Schedule) -> Trial:
    """The larger the inner tile, the faster and the larger the code; the outer ones are best at 64."""
    values = schedule.values()
    unrolled = math.log2(int(values["inner_m"]) * int(values["inner_n"]) * int(values["inner_k"]))
    off = 1 + sum(abs(math.log2(int(values[f"outer_{loop}"]) / 64)) for loop in "mnk")
    return judged(schedule, off / (1 + unrolled), off * (1 + unrolled), number)


def searched(search: Search, seed: int, trials: int = 200) -> list[Trial]:
    begun(search, seed=seed)
    found: list[Trial] = []
    for number in range(trials):
        found += [conflicting(number, schedule) for schedule in search.ask(1)]
        search.tell(found[-1:])
    return found


def area(trials: list[Trial]) -> float:
    """The area that the front dominates, up to 10 s and 100 bytes."""
    total, lowest = 0.0, 100.0
    for _, (seconds, size) in front(trials, OBJECTIVES):
        total += max(0.0, 10.0 - seconds) * max(0.0, lowest - size)
        lowest = min(lowest, size)
    return total


def test_200_trials_dominate_more_than_random_search_does() -> None:
    evolved = [area(searched(Evolve(objectives=OBJECTIVES), seed)) for seed in range(3)]
    drawn = [area(searched(Random(), seed)) for seed in range(3)]
    assert min(evolved) > max(drawn)


def test_a_front_has_both_ends() -> None:
    found = [at for _, at in front(searched(Evolve(objectives=OBJECTIVES), 0), OBJECTIVES)]
    alone = [at for _, at in front(searched(Evolve(), 0), OBJECTIVES)]
    assert min(size for _, size in found) < min(size for _, size in alone)


def joined(*points: tuple[float, float], size: int = 3) -> list[int]:
    """The places of those points whose schedules are left in a population that they join one by one."""
    schedules = begun(Random()).ask(len(points))
    population = Pareto(size, OBJECTIVES)
    for schedule, at in zip(schedules, points, strict=True):
        population.join(judged(schedule, *at), 0, np.random.default_rng(0))
    return [schedules.index(member) for member in population.members]


def test_what_nothing_dominates_is_fittest() -> None:
    assert sorted(joined((3, 3), (1, 2), (4, 4), (2, 1), size=2)) == [1, 3]
    assert joined((3, 3), (1, 2), (4, 4), (2, 1))[2] == 0


def test_of_the_equally_fit_those_with_room_around_them_stay() -> None:
    assert sorted(joined((1.0, 9.0), (9.0, 1.0), (8.9, 1.1), (5.0, 5.0))) == [0, 1, 3]


def test_a_failure_does_not_join() -> None:
    population = Pareto(3, OBJECTIVES)
    population.add(Trial(0, GOOD, Status.TIMEOUT))
    assert not population.members


def test_better_is_what_dominates() -> None:
    population = Pareto(3, OBJECTIVES)
    population.add(judged(GOOD, 2.0, 2.0))
    assert population.beats(judged(FAR, 1.0, 2.0), GOOD)
    assert not population.beats(judged(FAR, 1.0, 3.0), GOOD)
    assert not population.beats(Trial(0, FAR, Status.CRASH), GOOD)


def test_a_misspelt_objective_is_a_mistake_at_once() -> None:
    search = begun(Evolve(objectives=["seconds", "code_byte"]))
    with pytest.raises(UserError, match=r"trials have no 'code_byte', only seconds, code_bytes; did you mean"):
        search.tell([judged(GOOD, 1.0, 1.0)])


def screened(schedule: Schedule, number: int = 0) -> Trial:
    """A trial that was not executed."""
    return Trial(number, schedule, Status.OK, compile_seconds=0.1, metrics={"cost": 1.0, "estimated_seconds": 1.0})


def test_a_trial_without_a_number_is_no_parent_and_not_on_the_front() -> None:
    search = begun(Evolve(objectives=OBJECTIVES))
    first, *others = search.ask(40)
    trials = [judged(first, 2.0, 2.0), *(screened(schedule, 1 + n) for n, schedule in enumerate(others))]
    search.tell(trials)
    assert [trial.trial for trial, _ in front(trials, OBJECTIVES)] == [0]
    population = Pareto(3, OBJECTIVES)
    for trial in trials:
        population.add(trial)
    assert population.members == [first]
    assert not population.beats(trials[1], first)


def test_an_objective_that_no_trial_of_many_has_is_a_mistake() -> None:
    search = begun(Evolve(objectives=["seconds", "joules"]))
    *first, last = search.ask(10)
    search.tell([judged(schedule, 1.0, 1.0) for schedule in first])
    with pytest.raises(UserError, match=r"trials have no 'joules', only seconds, code_bytes$"):
        search.tell([judged(last, 1.0, 1.0)])


def test_the_front_is_what_nothing_dominates_in_order() -> None:
    points = [(3, 3), (2, 1), (1, 2), (2, 1), (1, 4), (0.5, 9)]
    schedules = begun(Random()).ask(len(points) + 1)
    trials = [
        judged(schedule, *at, number) for number, (schedule, at) in enumerate(zip(schedules, points, strict=False))
    ]
    found = front([*trials, Trial(9, schedules[-1], Status.CRASH)], OBJECTIVES)
    assert [(trial.trial, at) for trial, at in found] == [(5, (0.5, 9)), (2, (1, 2)), (1, (2, 1))]
    assert front([Trial(9, GOOD, Status.CRASH)], OBJECTIVES) == []
