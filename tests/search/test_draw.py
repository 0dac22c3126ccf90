"""Uniform draws without repetition."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from rewritable import RewritableFlat
from scipy import stats

from mlopt.core.alternatives import Alternatives
from mlopt.core.schedule import Decision, Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.core.trial import Status, Trial
from mlopt.protocols import SOURCE, Budget, Search, Space, StudyContext
from mlopt.search.anneal import Anneal
from mlopt.search.bayes import Bayes
from mlopt.search.draw import Draw, below, pick
from mlopt.search.evolve import Evolve
from mlopt.search.grid import Grid
from mlopt.search.hybrid import Hybrid
from mlopt.search.optuna import Optuna
from mlopt.search.random import Random
from mlopt.testing.spaces import Flat, Tree, schedules


class Huge(KnobSpace):
    """40 knobs of 8 values: 2^120 schedules."""

    knobs = tuple(Knob(f"k{index}", "ordinal", tuple(range(8))) for index in range(40))

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return knob.values


class Impossible(KnobSpace):
    """No schedule at all."""

    knobs = (Knob("only", "ordinal", (1, 2)),)

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return ()


class Lopsided:
    """One schedule on the left, a hundred on the right; the plain form of a space."""

    knobs = (Knob("side", "categorical", ("left", "right")), Knob("tile", "ordinal", tuple(range(100))))

    def options(self, prefix: Schedule) -> Sequence[Decision]:
        if prefix.values().get("side") == "left" or len(prefix) == 2:
            return ()
        return [Decision(self.knobs[len(prefix)].name, value) for value in self.knobs[len(prefix)].values]

    def features(self, prefix: Schedule) -> np.typing.NDArray[np.float32]:
        return np.zeros(1, dtype=np.float32)

    def check(self, schedule: Schedule) -> None: ...


def draw(space: Space, seed: int = 0) -> Draw:
    return Draw(space, np.random.default_rng(seed))


def drawn(draw: Draw) -> list[Schedule]:
    return list(iter(draw.fresh, None))


@pytest.mark.parametrize("make", [Flat, Tree])
def test_every_schedule_comes_exactly_once_and_then_nothing(make: Callable[[], Space]) -> None:
    source = draw(make())
    assert sorted(map(repr, drawn(source))) == sorted(map(repr, schedules(make())))
    assert source.fresh() is None
    assert source.fresh() is None


@pytest.mark.parametrize("make", [Flat, Tree])
def test_what_was_seen_is_not_drawn(make: Callable[[], Space]) -> None:
    source = draw(make())
    seen = list(schedules(make()))[::2]
    assert all(source.see(schedule) for schedule in seen)
    assert not any(source.see(schedule) for schedule in seen)
    assert not set(drawn(source)) & set(seen)
    assert len(source) == len(list(schedules(make())))


def test_what_is_not_legal_is_not_seen() -> None:
    source = draw(Flat())
    assert not source.see(Schedule())
    assert not source.see(Schedule.of({"tile": 3}))
    assert not source.see(Schedule.of({"tile": 2, "register": 1, "vectorize": 0, "unroll": 1}))  # 0 is not False
    assert len(source) == 0
    assert len(drawn(source)) == len(list(schedules(Flat())))


def test_a_schedule_whose_program_is_rewritten_is_none_of_those_that_are_drawn() -> None:
    source = draw(RewritableFlat())
    for schedule in list(schedules(Flat()))[::4]:
        assert not any(source.see(schedule.then(Decision(SOURCE, f"text {number}"))) for number in range(20))
    assert len(source) == 0
    assert sorted(map(repr, drawn(source))) == sorted(map(repr, schedules(Flat())))


def test_a_knob_of_that_name_is_one_like_others_where_nothing_is_rewritten() -> None:
    class Named(KnobSpace):
        knobs = (Knob(SOURCE, "categorical", ("l1", "l2")),)

        def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
            return knob.values

    assert len(drawn(draw(Named()))) == 2
    assert draw(Named()).see(Schedule.of({SOURCE: "l2"}))


def test_a_look_at_the_next_draw_does_not_take_it() -> None:
    looking, drawing = draw(Flat(), seed=3), draw(Flat(), seed=3)
    assert looking.peek() == drawing.fresh()
    assert len(looking) == 0
    assert len(drawn(looking)) == 43


def test_knows_what_it_drew_and_saw() -> None:
    source = draw(Flat())
    first, second = schedules(Flat()), schedules(Flat())
    seen = next(first)
    assert seen not in source
    source.see(seen)
    assert next(second) in source
    drawn = source.fresh()
    assert drawn is not None
    assert drawn in source


def test_the_first_draw_is_uniform_where_the_space_counts() -> None:
    counts = Counter(Draw(Flat(), rng).fresh() for rng in np.random.default_rng(1).spawn(43 * 20))
    assert len(counts) == 43
    assert stats.chisquare(list(counts.values())).pvalue > 0.01


def test_the_last_draw_is_uniform_too_where_the_space_counts() -> None:
    seen = list(schedules(Flat()))[1::2]
    left = Flat().count() - len(seen)
    counts: Counter[Schedule | None] = Counter()
    for rng in np.random.default_rng(4).spawn(left * 20):
        source = Draw(Flat(), rng)
        for schedule in seen:
            source.see(schedule)
        counts[source.fresh()] += 1
    assert len(counts) == left
    assert stats.chisquare(list(counts.values())).pvalue > 0.01


def test_parts_of_a_divided_space_are_drawn_from_equally_until_they_are_empty() -> None:
    left, right = Schedule.of({"side": "left"}), Schedule.of({"side": "right"})
    space = Alternatives({left: Flat, right: Huge})
    sides = Counter(
        draw.values()["side"]
        for draw in (Draw(space, np.random.default_rng(seed)).fresh() for seed in range(300))
        if draw
    )
    assert stats.binomtest(sides["left"], 300).pvalue > 1e-3  # by their schedules it would be 43 in 2^120
    both = Draw(space, np.random.default_rng(0))
    drawn = [both.fresh() for _ in range(150)]
    assert len(set(drawn)) == 150
    assert sum(draw is not None and draw.values()["side"] == "left" for draw in drawn) == 43


def test_a_draw_is_nearly_uniform_where_the_space_cannot_count() -> None:
    sides = Counter(
        next(iter(Draw(Lopsided(), rng).fresh() or ())).value for rng in np.random.default_rng(3).spawn(300)
    )
    assert sides["left"] < 15  # 3 expected; uniform steps would give 150


def test_a_space_of_2_to_the_120_is_drawn_evenly() -> None:
    source = draw(Huge())
    values = np.array([[decision.value for decision in source.fresh() or ()] for _ in range(200)])
    for column in values.T[[0, 20, 39]]:
        assert stats.chisquare(np.bincount(column, minlength=8)).pvalue > 0.001


def test_nothing_is_drawn_from_an_impossible_space() -> None:
    assert draw(Impossible()).fresh() is None


def test_large_weights_are_kept_exactly() -> None:
    weights = [1, 0, 2**100, 2**101]
    counts = Counter(pick(np.random.default_rng(seed), weights) for seed in range(600))
    assert set(counts) == {2, 3}
    assert 150 < counts[2] < 250


def test_integers_below_a_bound_reach_every_one() -> None:
    rng = np.random.default_rng(0)
    counts = Counter(below(rng, 5) for _ in range(1000))
    assert sorted(counts) == [0, 1, 2, 3, 4]
    assert stats.chisquare(list(counts.values())).pvalue > 0.01
    assert max(below(rng, 2**70) for _ in range(50)) > 2**69


def test_nothing_lies_below_zero() -> None:
    with pytest.raises(ValueError, match="nothing to draw from"):
        below(np.random.default_rng(0), 0)


class Tight(KnobSpace):
    """Nine tiles and buffers in one memory: 10^10 combinations, too many to be counted, 2 % of which fit."""

    knobs = (
        *(Knob(f"tile_{index}", "ordinal", tuple(range(1, 11))) for index in range(9)),
        Knob("buffers", "ordinal", tuple(range(1, 11)), needs=tuple(f"tile_{index}" for index in range(9))),
    )

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return [value for value in knob.values if math.prod(map(int, chosen.values())) * int(value) <= 30_000]


def test_where_most_combinations_are_not_legal_draws_stay_exactly_uniform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Draw, "_resampled")
    space = Tight()
    source = draw(space)
    for _ in range(60):
        schedule = source.fresh()
        assert schedule is not None
        space.check(schedule)


class Settled(KnobSpace):
    """Nothing to decide: one schedule."""

    knobs = ()

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        raise AssertionError


@pytest.mark.parametrize(
    "make", [Grid, Random, Anneal, Evolve, Bayes, Optuna, lambda: Hybrid({"bayes": Bayes(), "evolve": Evolve()})]
)
def test_where_nothing_is_to_be_decided_every_search_proposes_the_one_schedule(make: Callable[[], Search]) -> None:
    search = make()
    search.start(Settled(), StudyContext(np.random.default_rng(0), Budget(5), 1))
    assert search.ask(3) == [Schedule()]
    search.tell([Trial(0, Schedule(), Status.OK, 1.0)])
    assert search.ask(3) == []
