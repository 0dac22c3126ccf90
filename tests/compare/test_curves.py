from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlopt.compare.curves import by_seconds, by_trials, median_ranks
from mlopt.compare.record import StudyRecord


def study(objectives: list[float | None], elapsed: tuple[float, ...] = ()) -> StudyRecord:
    return StudyRecord(Path(), "evolve", {}, {}, 0, {}, {}, objectives, 0, None, elapsed=elapsed)


def test_a_curve_is_the_median_of_what_studies_had_reached() -> None:
    curve = by_trials([study([None, 3.0, 5.0]), study([4.0, 4.5, 1.0]), study([2.0])])
    assert curve.x.tolist() == [1.0, 2.0, 3.0]
    assert curve.median.tolist() == [4.0, 3.0, 2.0]
    assert curve.low.tolist() == [2.0, 2.0, 1.0]
    assert curve.high.tolist() == [np.inf, 4.0, 3.0]


def test_over_time_a_trial_counts_from_its_end() -> None:
    curve = by_seconds([study([5.0, 2.0], (1.0, 4.0)), study([5.0, 2.0], (1.0, 4.0))])
    assert curve is not None
    assert curve.x[-1] == 4.0
    assert np.isinf(curve.median[curve.x < 1.0]).all()
    assert (curve.median[(curve.x >= 1.0) & (curve.x < 4.0)] == 5.0).all()
    assert curve.median[-1] == 2.0


def test_studies_that_do_not_say_when_have_no_curve_over_time() -> None:
    assert by_seconds([study([1.0], (1.0,)), study([1.0])]) is None


@given(st.integers(1, 60))
def test_the_interval_of_a_median_is_that_of_the_bootstrap(n: int) -> None:
    low, middle, high = median_ranks(n)
    assert 0 <= low <= middle <= high < n
    draws = np.sort(np.random.default_rng(n).integers(n, size=(4000, n)), axis=1)[:, (n - 1) // 2]
    assert (draws < low).mean() < 0.04
    assert (draws > high).mean() < 0.04
    assert (draws <= low).mean() > 0.01
    assert (draws >= high).mean() > 0.01


@pytest.mark.parametrize(("n", "ranks"), [(1, (0, 0, 0)), (2, (0, 0, 1)), (25, (7, 12, 17))])
def test_the_ranks_around_a_median(n: int, ranks: tuple[int, int, int]) -> None:
    assert median_ranks(n) == ranks
