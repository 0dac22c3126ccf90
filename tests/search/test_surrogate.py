"""What trials promise of schedules that were not tried."""

from __future__ import annotations

import numpy as np
import pytest

from mlopt.search.surrogate import Surrogate, logarithms, stagnates


def test_a_search_stagnates_when_the_latest_trials_gain_next_to_nothing() -> None:
    poor = [9.0] * 7
    assert stagnates(np.array([4.0, 3.99, *poor]))
    assert not stagnates(np.array([4.0, 3.0, *poor]))
    assert not stagnates(np.array([4.0, 4.0, 3.0]))
    assert stagnates(np.array([4.0, 3.0, *poor, 9.0]))
    assert not stagnates(np.array([np.nan, 3.0, *poor]))
    assert stagnates(np.array([3.0, np.nan, *poor]))


def plateau() -> tuple[np.ndarray, np.ndarray]:
    """Features and objectives: left of 0.5 all are nearly equal, there is something worse, and nobody was far right."""
    places = np.array([0.0, 0.6, 0.1, 0.2, 0.3, 0.4, 0.05, 0.15, 0.25, 0.35, 0.45], dtype=np.float32)
    ripple = 1.0 + 0.004 * np.abs(places - 0.22)
    return places[:, None], np.where(places == np.float32(0.6), 2.0, ripple)


def test_on_a_plateau_the_gaussian_process_leaps() -> None:
    features, objectives = plateau()
    near, far = np.array([[0.22]], dtype=np.float32), np.array([[3.0]], dtype=np.float32)

    def preference(leap: float) -> float:
        surrogate = Surrogate(60, 10, leap, 0.1, np.random.default_rng(0))
        there, away = surrogate.improvement(features, objectives, np.concatenate([near, far]))
        return float(away / max(there, 1e-300))

    assert preference(0.5) > 4 * preference(0.0)


@pytest.mark.parametrize(("failed", "share"), [(False, 0.1), (True, 0.5)])
def test_the_forest_tells_the_promising_region_from_what_is_slow_or_fails(failed: bool, share: float) -> None:
    rng = np.random.default_rng(0)
    features = rng.uniform(size=(400, 2)).astype(np.float32)
    inside = (features < 0.3).all(axis=1)
    objectives = np.where(inside, 1.0 + features[:, 0], np.nan if failed else 3.0)
    objectives[:2] = 3.0  # something to compare with
    candidates = rng.uniform(size=(300, 2)).astype(np.float32)
    promised = Surrogate(0, 60, 0.0, share, rng).improvement(features, objectives, candidates)
    best = candidates[np.argsort(-promised)[:10]]
    assert (best < 0.3).all(axis=1).mean() >= 0.9
    assert best[:, 0].mean() < 0.15  # not only there, but where it is best


def test_logarithms_of_costs_below_0_keep_their_order() -> None:
    moved = logarithms(np.array([-5.0, -4.0, 0.0, 7.0]))
    assert (np.diff(moved) > 0).all()
    assert logarithms(np.array([1.0, np.e])).tolist() == pytest.approx([0.0, 1.0])
