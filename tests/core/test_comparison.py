"""Which of two kernels is faster, on noise as machines make it: drift, bursts, heavy tails, a place in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.core.comparison import MARGIN, Comparison

Noise = Callable[[np.random.Generator, int], np.ndarray]
"""What two kernels' turns take, relatively, in so many rounds: shape (rounds, 2)."""

COMPARISONS = 200
ROUNDS = 40


def drift(rng: np.random.Generator, rounds: int) -> np.ndarray:
    """Clocks sink by a third, with a bend; who begins a round is drawn by lot."""
    moments = np.arange(rounds)[:, None] + rng.permuted(np.tile([0.0, 0.5], (rounds, 1)), axis=1)
    return (1.0 + 0.3 * (moments / rounds) ** 2) * rng.normal(1.0, 0.005, (rounds, 2))


def bursts(rng: np.random.Generator, rounds: int) -> np.ndarray:
    """A neighbour takes half of the machine in a sixth of the turns."""
    return rng.normal(1.0, 0.005, (rounds, 2)) * np.where(rng.random((rounds, 2)) < 1 / 6, 2.0, 1.0)


def heavy_tails(rng: np.random.Generator, rounds: int) -> np.ndarray:
    return 1.0 + 0.006 * np.abs(rng.standard_cauchy((rounds, 2)))


def places(rng: np.random.Generator, rounds: int) -> np.ndarray:
    """Each process has its memory somewhere, for good or ill, for all of its turns."""
    return rng.normal(1.0, 0.003, (1, 2)) * rng.normal(1.0, 0.01, (rounds, 2))


def winners(noise: Noise, slowdown: float) -> list[int | None]:
    rng = np.random.default_rng(1)
    turns = [noise(rng, ROUNDS) * [1.0, 1.0 + slowdown] for _ in range(COMPARISONS)]
    return [Comparison.of(pair[:, 0].tolist(), pair[:, 1].tolist()).winner for pair in turns]


@pytest.mark.parametrize("noise", [drift, bursts, heavy_tails, places])
def test_a_kernel_hardly_ever_beats_itself(noise: Noise) -> None:
    assert sum(winner is not None for winner in winners(noise, 0.0)) <= 0.05 * COMPARISONS


@pytest.mark.parametrize("noise", [drift, bursts, heavy_tails, places])
def test_a_slowdown_of_3_percent_is_seen(noise: Noise) -> None:
    called = winners(noise, 0.03)
    assert called.count(0) >= 0.9 * COMPARISONS
    assert called.count(1) == 0


def test_differences_within_the_margin_make_no_winner_however_certain_they_are() -> None:
    first = np.random.default_rng(0).normal(1.0, 1e-4, 1000)
    assert Comparison.of(first.tolist(), ((1.0 + 0.9 * MARGIN) * first).tolist()).winner is None
    assert Comparison.of(first.tolist(), ((1.0 + 1.1 * MARGIN) * first).tolist()).winner == 0


def test_a_handful_of_turns_is_too_few() -> None:
    assert Comparison.of([1.0] * 6, [2.0] * 6).winner is None
    assert Comparison.of([1.0] * 7, [2.0] * 7).winner == 0


def test_the_ratio_is_of_pairs_and_the_rest_has_no_partner() -> None:
    assert Comparison.of([1.0, 2.0, 4.0], [2.0, 4.0, 8.0, 99.0, 99.0]).ratio == pytest.approx(2.0)


timings = st.lists(st.tuples(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=50)
@given(timings)
def test_who_is_named_first_does_not_matter(pairs: list[tuple[float, float]]) -> None:
    first, second = zip(*pairs, strict=True)
    there, back = Comparison.of(first, second), Comparison.of(second, first)
    assert there.p == pytest.approx(back.p)
    assert there.ratio * back.ratio == pytest.approx(1.0)
    assert (there.winner is None) == (back.winner is None)
    assert there.winner is None or there.winner != back.winner


def test_no_pairs_are_no_comparison() -> None:
    with pytest.raises(ValueError, match="no median"):
        Comparison.of([], [1.0])
