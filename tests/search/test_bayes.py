"""Bayesian optimisation."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Budget, Search, Space, StudyContext
from mlopt.search.bayes import Bayes
from mlopt.search.random import Random
from mlopt.search.surrogate import Surrogate
from mlopt.testing import SearchContract
from mlopt.testing.spaces import Tree


class TestBayes(SearchContract):
    """Both surrogates have their turn in the contract's small spaces."""

    def make(self) -> Search:
        return Bayes(initial=2, small=5, trees=3)


class TestImpatient(SearchContract):
    """Learns seldom, and draws often."""

    def make(self) -> Search:
        return Bayes(initial=2, small=0, trees=3, patience=0.5, explore=0.3)


class TestDefaults(SearchContract):
    """As users have it, but for the size of the forest: a Gaussian process to the very end of a small space."""

    @pytest.fixture
    def space(self) -> Space:
        return Tree()

    def make(self) -> Search:
        return Bayes(trees=5)


class Tiles(KnobSpace):
    """Two tiles, one within the other, and a switch: 1,980 schedules, of which every fourth or so fails."""

    knobs = (
        Knob("outer", "log2", tuple(2**k for k in range(10))),
        Knob("inner", "log2", tuple(2**k for k in range(10)), needs=("outer",)),
        Knob("unroll", "ordinal", tuple(range(1, 10))),
        Knob("layout", "categorical", ("rows", "columns", "blocks", "bands")),
    )

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return [v for v in knob.values if not knob.needs or int(v) <= int(chosen["outer"])]


BEST = {"outer": 64, "inner": 8, "unroll": 4, "layout": "blocks"}


def trial(number: int, schedule: Schedule) -> Trial:
    """The least is 1 s; the largest tiles fail."""
    values = schedule.values()
    if int(values["inner"]) * int(values["unroll"]) > 256:
        return Trial(number, schedule, Status.CRASH)
    away = sum(abs(math.log2(int(values[name]) / int(BEST[name]))) for name in ("outer", "inner", "unroll"))
    return Trial(number, schedule, Status.OK, (1.0 + 0.2 * away) * (1.0 if values["layout"] == "blocks" else 1.4))


def started(search: Bayes, seed: int = 0, space: Space | None = None) -> Bayes:
    search.start(space or Tiles(), StudyContext(np.random.default_rng(seed), Budget(100), slots=1))
    return search


def run(search: Search, trials: int) -> list[Trial]:
    done: list[Trial] = []
    for number in range(trials):
        done.append(trial(number, search.ask(1)[0]))
        search.tell(done[-1:])
    return done


@pytest.mark.parametrize("small", [0, 100], ids=["forest", "gaussian process"])
def test_40_trials_come_far_closer_to_the_best_than_random_search(small: int) -> None:
    def best(search: Search, seed: int) -> float:
        search.start(Tiles(), StudyContext(np.random.default_rng(seed), Budget(40), slots=1))
        found = math.inf
        for _ in range(40):
            if found > 1.0:  # else nothing is left to be found, and learning takes a while
                found = min([found, *(t.seconds for t in run(search, 1) if t.seconds is not None)])
        return found

    found = [best(Bayes(small=small), seed) for seed in range(3)]
    drawn = [best(Random(), seed) for seed in range(3)]
    assert np.mean(found) - 1.0 < 0.4 * (np.mean(drawn) - 1.0)


def test_learns_what_fails() -> None:
    def failures(trials: list[Trial]) -> float:
        return float(np.mean([not t.ok for t in trials]))

    search = started(Bayes(initial=1, explore=0.0, small=0))
    draws = Random()
    draws.start(Tiles(), StudyContext(np.random.default_rng(1), Budget(100), 1))
    # Failures alone are told of large tiles, and successes without any preference among them.
    told = [
        Trial(
            number, schedule, Status.OK if trial(0, schedule).ok else Status.CRASH, trial(0, schedule).seconds and 1.0
        )
        for number, schedule in enumerate(draws.ask(150))
    ]
    search.tell(told)
    assert failures([trial(0, schedule) for schedule in search.ask(40)]) < 0.3 * failures(told)


def test_begins_with_uniform_draws() -> None:
    search = started(Bayes(initial=4))
    search.tell([Trial(0, Schedule.of(BEST), Status.OK, 1.0)])
    assert max(len({*schedule} & {*Schedule.of(BEST)}) for schedule in search.ask(3)) <= 2


def test_slots_do_not_all_look_at_one_place() -> None:
    search = started(Bayes(explore=0.0))
    run(search, 30)
    asked = search.ask(6)
    assert min(len(set(a) - set(b)) for a, b in itertools.combinations(asked, 2)) >= 2


def test_where_all_is_near_what_is_pending_the_most_promising_comes_all_the_same() -> None:
    class Line(KnobSpace):
        knobs = (Knob("place", "ordinal", tuple(range(50))),)

        def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
            return knob.values

    search = started(Bayes(explore=0.0, small=0), space=Line())
    search.tell([Trial(n, Schedule.of({"place": 5 * n}), Status.OK, 1.0 + n) for n in range(10)])
    assert max(int(schedule.values()["place"]) for schedule in search.ask(4)) <= 10


def test_learns_only_where_computing_is_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, learnt = [False], []

    @contextlib.contextmanager
    def computing() -> Iterator[None]:
        inside[0] = True
        yield
        inside[0] = False

    usual = Surrogate.improvement
    monkeypatch.setattr(Surrogate, "improvement", lambda *parts: learnt.append(inside[0]) or usual(*parts))
    search = Bayes(initial=2, small=6, trees=2)
    search.start(Tiles(), StudyContext(np.random.default_rng(0), Budget(20), slots=1, computing=computing))
    run(search, 12)
    assert learnt
    assert all(learnt)
    assert not inside[0]


def test_begins_with_the_hints_of_the_space() -> None:
    class Hinted(Tiles):
        def hints(self) -> Sequence[Mapping[str, Value]]:
            return [BEST, BEST | {"inner": 512}]

    search = started(Bayes(initial=4), space=Hinted())
    first, second = search.ask(2)
    assert first.values() == BEST
    assert second.values() == BEST | {"inner": 64}
    search.tell([trial(0, first), trial(1, second)])
    assert min(len(set(schedule) - set(first)) for schedule in search.ask(4)) > 1  # nothing is learnt as yet
    assert BEST not in [schedule.values() for schedule in started(Bayes(hints=False), space=Hinted()).ask(2)]


@pytest.mark.parametrize("done", [27, 29, 33])
def test_a_resumed_search_ranks_as_it_did_for_earlier_proposals(done: int) -> None:
    settings = {"small": 0, "trees": 3, "patience": 0.5}
    whole = run(started(Bayes(**settings)), 40)  # type: ignore[arg-type]
    resumed = started(Bayes(**settings))  # type: ignore[arg-type]
    resumed.tell(whole[:done])
    assert run(resumed, 40 - done) == [replace(t, trial=t.trial - done) for t in whole[done:]]


@pytest.mark.parametrize("small", [0, 100], ids=["forest", "gaussian process"])
@pytest.mark.parametrize("least", [0.0, -5.0])
def test_costs_may_be_0_or_less(small: int, least: float) -> None:
    search, draws = started(Bayes(small=small, explore=0.0)), Random()
    draws.start(Tiles(), StudyContext(np.random.default_rng(1), Budget(100), 1))
    told = [trial(number, schedule) for number, schedule in enumerate(draws.ask(60))]
    lowest = min(t.seconds for t in told if t.seconds is not None)
    costs = [t.seconds and t.seconds - lowest + least for t in told]
    search.tell([Trial(t.trial, t.schedule, t.status, cost) for t, cost in zip(told, costs, strict=True)])

    def mean(trials: list[Trial]) -> float:
        return float(np.mean([t.seconds for t in trials if t.seconds is not None]))

    assert mean([trial(0, schedule) for schedule in search.ask(20)]) < mean(told)


def test_where_all_cost_nothing_it_goes_on() -> None:
    search = started(Bayes())
    for number in range(10):
        search.tell([Trial(number, schedule, Status.OK, 0.0) for schedule in search.ask(1)])
    assert search.ask(1)


@pytest.mark.parametrize(
    ("argument", "value", "limits"),
    [("initial", 0, "at least 1"), ("trees", 1, "at least 2"), ("explore", 1.5, "between 0 and 1")],
)
def test_a_setting_that_makes_no_sense_is_refused(argument: str, value: float, limits: str) -> None:
    with pytest.raises(UserError, match=f"search.{argument}={value} must be {limits}"):
        Bayes(**{argument: value})  # type: ignore[arg-type]
