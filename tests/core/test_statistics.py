"""The median of timings and its confidence interval."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.core.statistics import Estimate

timings = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=60)


def miss(count: int, left_out: int) -> float:
    """Probability that the median is outside of the samples that stay when `left_out` are left out at either end."""
    return 2 * sum(math.comb(count, below) for below in range(left_out + 1)) / math.pow(2, count)


@pytest.mark.parametrize("count", [*range(6, 80), 100, 300, 999, 1000])
def test_the_interval_is_the_narrowest_between_two_samples_that_is_sure_enough(count: int) -> None:
    estimate = Estimate.of(range(1, count + 1))
    left_out = int(estimate.low) - 1
    assert estimate.high == count - left_out
    assert miss(count, left_out) <= 0.05
    assert miss(count, left_out + 1) > 0.05


@pytest.mark.parametrize("count", range(1, 6))
def test_few_samples_give_their_whole_range(count: int) -> None:
    estimate = Estimate.of(range(1, count + 1))
    assert (estimate.low, estimate.high) == (1, count)


@given(timings)
def test_the_estimate_is_the_median_within_its_interval(samples: list[float]) -> None:
    estimate = Estimate.of(samples)
    assert estimate.seconds == statistics.median(samples)
    assert min(samples) <= estimate.low <= estimate.seconds <= estimate.high <= max(samples)
    assert {estimate.low, estimate.high} <= set(samples)


@given(timings.flatmap(lambda samples: st.tuples(st.just(samples), st.permutations(samples))))
def test_the_order_of_timings_does_not_matter_and_is_left_as_it_is(orders: tuple[list[float], list[float]]) -> None:
    before = [list(order) for order in orders]
    assert Estimate.of(orders[0]) == Estimate.of(orders[1])
    assert list(orders) == before


@given(timings, st.floats(1.0, 1e6))
def test_one_outlier_hardly_moves_it(samples: list[float], factor: float) -> None:
    samples = sorted(samples * 6)
    slow = [*samples[:-1], samples[-1] * factor]
    assert Estimate.of(slow).seconds == Estimate.of(samples).seconds


@pytest.mark.parametrize("count", [6, 15, 40])
def test_the_interval_holds_the_true_median_of_skewed_timings(count: int) -> None:
    rng = np.random.default_rng(0)
    estimates = [Estimate.of(rng.exponential(size=count).tolist()) for _ in range(2000)]
    held = sum(estimate.low <= math.log(2) <= estimate.high for estimate in estimates)
    assert held >= 0.94 * len(estimates)


def test_precision_is_half_the_width_over_the_median() -> None:
    assert Estimate(seconds=2.0, low=1.9, high=2.3).precision == pytest.approx(0.1)
    assert Estimate.of([5.0]).precision == 0.0


@settings(max_examples=30)
@given(st.integers(6, 200))
def test_more_samples_are_more_precise(count: int) -> None:
    rng = np.random.default_rng(count)
    few, many = (Estimate.of((1 + 0.1 * rng.random(size)).tolist()) for size in (count, 16 * count))
    assert many.precision < few.precision


def test_no_timings_are_no_estimate() -> None:
    with pytest.raises(ValueError, match="no median"):
        Estimate.of([])


def test_more_samples_never_leave_fewer_out() -> None:
    left_out = [Estimate.of(range(count)).low for count in range(1, 200)]
    assert all(a <= b <= a + 1 for a, b in itertools.pairwise(left_out))
