"""Evolutionary search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Budget, Search, StudyContext
from mlopt.search.evolve import Evolve
from mlopt.search.random import Random
from mlopt.testing import SearchContract


class TestEvolve(SearchContract):
    def make(self) -> Search:
        return Evolve()


class TestSmallPopulation(SearchContract):
    """Evolves from the first trials on, also in the contract's small spaces."""

    def make(self) -> Search:
        return Evolve(population=2, tournament=1, crossover=0.5, mutations=2, local=1.0)


class Tiles(KnobSpace):
    """A matmul's tiles in small: 150,000 schedules, each tile within the one around it."""

    knobs = (
        *(Knob(f"outer_{loop}", "log2", tuple(2**k for k in range(10))) for loop in "mnk"),
        *(Knob(f"inner_{loop}", "log2", tuple(2**k for k in range(10)), needs=(f"outer_{loop}",)) for loop in "mnk"),
        Knob("pack", "categorical", ("none", "a", "b", "both")),
    )

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return [v for v in knob.values if not knob.needs or int(v) <= int(chosen[knob.needs[0]])]


def seconds(schedule: Schedule) -> float | None:
    """The least is 1 s; a register tile that is too large fails."""
    values = schedule.values()
    if int(values["inner_m"]) * int(values["inner_n"]) > 4096:
        return None
    wanted = {"outer_m": 64, "outer_n": 256, "outer_k": 128, "inner_m": 8, "inner_n": 32, "inner_k": 4}
    away = sum(abs(math.log2(int(values[name]) / best)) for name, best in wanted.items())
    return (1.0 + 0.1 * away) * {"none": 1.5, "a": 1.3, "b": 1.1, "both": 1.0}[str(values["pack"])]


def trial(number: int, schedule: Schedule) -> Trial:
    time = seconds(schedule)
    return Trial(number, schedule, Status.CRASH if time is None else Status.OK, time)


def best(search: Search, seed: int, trials: int = 200) -> float:
    search.start(Tiles(), StudyContext(np.random.default_rng(seed), Budget(trials), slots=2))
    found = []
    for number in range(trials):
        finished = [trial(number, schedule) for schedule in search.ask(1)]
        search.tell(finished)
        found += [t.seconds for t in finished if t.seconds is not None]
    return min(found)


def started(search: Evolve, seed: int = 0) -> Evolve:
    search.start(Tiles(), StudyContext(np.random.default_rng(seed), Budget(200), slots=2))
    return search


GOOD = Schedule.of(
    {"outer_m": 64, "outer_n": 256, "outer_k": 128, "inner_m": 8, "inner_n": 32, "inner_k": 2, "pack": "both"},
)


def distance(schedule: Schedule) -> int:
    """How many decisions of `schedule` are not those of GOOD."""
    return sum(decision not in GOOD for decision in schedule)


def test_200_trials_come_far_closer_to_the_best_than_random_search() -> None:
    evolved = [best(Evolve(), seed) for seed in range(4)]
    drawn = [best(Random(), seed) for seed in range(4)]
    assert max(evolved) < min(drawn)
    assert np.mean(evolved) - 1.0 < 0.5 * (np.mean(drawn) - 1.0)


def test_begins_with_uniform_draws() -> None:
    search = started(Evolve(population=10))
    search.tell([trial(0, GOOD)])
    assert min(distance(schedule) for schedule in search.ask(9)) > 1


def test_then_breeds_from_the_successful() -> None:
    search = started(Evolve(population=1, mutations=1))
    search.tell([Trial(0, GOOD, Status.OK, seconds=1.0)])
    assert max(distance(schedule) for schedule in search.ask(5)) <= 2  # one decided anew, at most one repaired


def test_a_failure_is_no_parent() -> None:
    search = started(Evolve(population=1, mutations=1))
    search.tell([Trial(0, GOOD, Status.WRONG_RESULT)])
    assert min(distance(schedule) for schedule in search.ask(5)) > 2


def test_only_the_best_are_parents() -> None:
    search = started(Evolve(population=1, mutations=1))
    draw = search.ask(1)[0]
    search.tell([Trial(0, draw, Status.OK, 2.0), Trial(1, GOOD, Status.OK, 1.0)])
    search.tell([Trial(2, search.ask(1)[0], Status.OK, 3.0)])
    assert max(distance(schedule) for schedule in search.ask(5)) <= 2


def test_the_fitter_are_chosen_more_often() -> None:
    def near(tournament: int) -> int:
        search = started(Evolve(population=8, tournament=tournament, crossover=0.0, mutations=1))
        others = [Trial(number, schedule, Status.OK, 2.0) for number, schedule in enumerate(search.ask(7))]
        search.tell([*others, Trial(7, GOOD, Status.OK, 1.0)])
        return sum(distance(schedule) <= 2 for schedule in search.ask(30))

    assert near(tournament=20) > 20
    assert near(tournament=1) < 15


def test_mutations_counts_the_decisions_made_anew() -> None:
    def mean_distance(mutations: float) -> float:
        search = started(Evolve(population=1, mutations=mutations))
        search.tell([Trial(0, GOOD, Status.OK, 1.0)])
        return float(np.mean([distance(schedule) for schedule in search.ask(30)]))

    assert mean_distance(1) < 2 < mean_distance(4)


def test_local_decides_between_the_next_value_and_any_other() -> None:
    def steps(local: float) -> list[float]:
        search = started(Evolve(population=1, mutations=1, local=local))
        search.tell([Trial(0, GOOD, Status.OK, 1.0)])
        pairs = [(GOOD[0], schedule[0]) for schedule in search.ask(20)]
        return [abs(math.log2(int(mine.value) / int(theirs.value))) for mine, theirs in pairs]

    assert max(steps(1.0)) == 1
    assert max(steps(0.0)) > 2


def test_crossing_brings_two_parents_together() -> None:
    other = Schedule.of({**dict.fromkeys(GOOD.values(), 1), "pack": "none"})

    def inherited(crossover: float) -> int:
        """How many of 40 children have nothing that neither parent has."""
        count = 0
        for seed in range(10):
            search = started(Evolve(population=2, tournament=1, crossover=crossover, mutations=1), seed)
            search.tell([Trial(0, GOOD, Status.OK, 1.0), Trial(1, other, Status.OK, 1.0)])
            count += sum({*schedule} <= {*GOOD, *other} for schedule in search.ask(4))
        return count

    assert inherited(1.0) > 12
    assert inherited(0.0) < 10


def test_a_trial_of_another_space_is_no_parent() -> None:
    search = started(Evolve(population=1, mutations=1))
    search.tell([Trial(0, GOOD, Status.OK, 1.0), Trial(1, Schedule.of({"no such knob": 1}), Status.OK, 0.5)])
    assert max(distance(schedule) for schedule in search.ask(5)) <= 2


def test_goes_on_when_every_child_was_proposed() -> None:
    class Pair(KnobSpace):
        knobs = (Knob("left", "categorical", tuple(range(30))), Knob("right", "categorical", (0, 1)))

        def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
            return knob.values

    search = Evolve(population=1, crossover=0.0, mutations=1)
    search.start(Pair(), StudyContext(np.random.default_rng(0), Budget(200), slots=2))
    search.tell([Trial(0, Schedule.of({"left": 0, "right": 0}), Status.OK, 1.0)])
    assert len(search.ask(100)) == 59


@pytest.mark.parametrize(
    ("argument", "value", "limits"),
    [
        ("population", 0, "at least 1"),
        ("tournament", 0, "at least 1"),
        ("crossover", 1.1, "between 0 and 1"),
        ("mutations", 0.5, "at least 1"),
        ("local", -0.1, "between 0 and 1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(argument: str, value: float, limits: str) -> None:
    with pytest.raises(UserError, match=f"search.{argument}={value} must be {limits}"):
        Evolve(**{argument: value})  # type: ignore[arg-type]


class Hinted(Tiles):
    """Knows a good schedule, and one that is not legal: its inner tile is larger than the outer one."""

    def hints(self) -> Sequence[Mapping[str, Value]]:
        good = {
            "outer_m": 64,
            "outer_n": 256,
            "outer_k": 128,
            "inner_m": 8,
            "inner_n": 32,
            "inner_k": 4,
            "pack": "both",
        }
        return [good, good | {"inner_k": 512}]


def test_begins_with_the_hints_of_the_space_made_legal() -> None:
    search, space = Evolve(), Hinted()
    search.start(space, StudyContext(np.random.default_rng(0), Budget(10), 1))
    first, second = search.ask(1)[0], search.ask(1)[0]
    assert first.values() == space.hints()[0]
    assert second.values() == {**space.hints()[0], "inner_k": 128}


def test_leaves_the_hints_out_when_told_so() -> None:
    search, space = Evolve(hints=False), Hinted()
    search.start(space, StudyContext(np.random.default_rng(0), Budget(10), 1))
    assert space.hints()[0] not in [schedule.values() for schedule in search.ask(16)]
