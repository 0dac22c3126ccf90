"""The protocol of comparisons, against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlopt.compare.score import Yardstick, at_expected_rank, budget, expected_best, interval, mean_interval
from mlopt.core.errors import UserError

objectives = st.lists(st.integers(1, 50).map(float), min_size=2, max_size=6)


@given(objectives)
def test_the_expected_best_is_the_mean_over_all_draws(values: list[float]) -> None:
    expected = [np.mean([min(c) for c in itertools.combinations(values, k + 1)]) for k in range(len(values))]
    assert expected_best(np.sort(values), len(values)) == pytest.approx(expected)


@given(st.sets(st.integers(1, 10_000).map(float), min_size=2, max_size=7))
def test_the_expected_rank_is_the_mean_rank_over_all_draws(values: set[float]) -> None:
    """Up to its rounding, and to the package's counting from 0 what comes from a formula that counts from 1."""
    ordered = np.sort(list(values))
    for k, value in enumerate(at_expected_rank(ordered, len(ordered)), start=1):
        ranks = [min(draw) for draw in itertools.combinations(range(len(ordered)), k)]
        assert abs(np.searchsorted(ordered, value) - max(0.0, np.mean(ranks) - 1.0)) <= 0.5


def test_the_score_by_rank_is_that_of_the_package() -> None:
    """The index of RandomSearchCalculatedBaseline: round(M (N + 1) / (M + 1)) from the worst value on."""
    values = np.random.default_rng(0).lognormal(size=500)
    yardstick = Yardstick.by_rank(values)
    assert yardstick is not None
    worst_first = np.sort(values)[::-1]
    assert list(yardstick.baseline) == [worst_first[round(m * 501 / (m + 1))] for m in range(1, yardstick.budget + 1)]
    assert yardstick.budget == Yardstick.of(values).budget
    assert yardstick.cut(2).budget == 2


def test_there_is_no_score_by_rank_where_random_search_is_at_the_optimum() -> None:
    assert Yardstick.by_rank([1.0, 1.0, 1.0, 2.0]) is None


def test_the_expected_best_of_large_spaces_is_exact_at_both_ends() -> None:
    values = np.arange(30_000.0)
    best = expected_best(values, 1000)
    assert best[0] == pytest.approx(values.mean())
    assert best == pytest.approx((30_000 + 1) / (np.arange(1000) + 2) - 1)  # of a uniform distribution


@given(objectives.filter(lambda values: len(set(values)) > 1))
def test_the_budget_is_the_mean_number_of_draws_before_a_good_one(values: list[float]) -> None:
    ordered = np.sort(values)
    cutoff = np.median(ordered) - 0.95 * (np.median(ordered) - ordered[0])
    orders = itertools.permutations(values)
    before = [next(i for i, value in enumerate(order) if value <= cutoff) for order in orders]
    mean = float(np.mean(before))
    assert mean - 1e-9 <= budget(ordered) or budget(ordered) == 1
    assert budget(ordered) < mean + 1 + 1e-9


def space(seed: int = 0) -> Yardstick:
    return Yardstick.of(np.random.default_rng(seed).lognormal(size=500))


def test_the_optimum_at_once_scores_1_and_what_comes_later_does_not_matter() -> None:
    yardstick = space()
    assert yardstick.score([yardstick.optimum]) == pytest.approx(1)
    assert yardstick.score([yardstick.optimum, None, yardstick.worst]) == pytest.approx(1)


def test_random_search_scores_0_on_average() -> None:
    values = np.random.default_rng(0).lognormal(size=500)
    yardstick, rng = Yardstick.of(values), np.random.default_rng(1)
    scores = [yardstick.score(list(rng.permutation(values))) for _ in range(1000)]
    low, high = interval(scores, rng)
    assert low < 0 < high
    assert high - low < 0.15


def test_the_score_is_the_mean_distance_to_the_baseline() -> None:
    yardstick = Yardstick(1.0, 9.0, np.array([5.0, 3.0, 2.0]))
    assert yardstick.score([3.0, 4.0, 1.0, 0.5]) == pytest.approx((2 / 4 + 0 / 2 + 1 / 1) / 3)


def test_failures_count_as_trials_without_a_result() -> None:
    yardstick = Yardstick(1.0, 9.0, np.array([5.0, 3.0, 2.0]))
    assert yardstick.score([None, 3.0]) == pytest.approx((-4 / 4 + 0 / 2 - 1 / 1) / 3)
    assert yardstick.score([]) == pytest.approx((-4 / 4 - 6 / 2 - 7 / 1) / 3)


@pytest.mark.parametrize("values", [[], [2.0], [3.0, 3.0]])
def test_a_space_without_differences_is_refused(values: list[float]) -> None:
    with pytest.raises(UserError, match="compares no searches"):
        Yardstick.of(values)


def test_intervals_hold_the_mean_and_narrow_with_more_seeds() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.normal(0.5, 0.1, 10), rng.normal(0.5, 0.1, 1000)
    wide, narrow = interval(few, rng), interval(many, rng)
    assert wide[0] < few.mean() < wide[1]
    assert narrow[1] - narrow[0] == pytest.approx(4 * 0.1 / np.sqrt(1000), rel=0.1)


def test_the_mean_over_spaces_weighs_spaces_alike() -> None:
    rng = np.random.default_rng(0)
    low, high = mean_interval([[0.0] * 100, [1.0] * 3], rng)
    assert (low, high) == (0.5, 0.5)
