"""How sure it is that one method is better than another."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from .score import AT_ONCE

PERMUTATIONS = 9999
KEPT_BYTES = 1 << 28
"""Of what was drawn, that are kept for the next pair."""

Blocks = Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]
"""For each space, the scores of the studies of two methods."""


def holm(ps: Sequence[float]) -> list[float]:
    """Probabilities corrected for their number (Holm 1979): a step-down Bonferroni."""
    order = np.argsort(ps)
    corrected = np.maximum.accumulate(np.asarray(ps)[order] * np.arange(len(ps), 0, -1)).clip(max=1.0)
    return [float(p) for p in corrected[np.argsort(order)]]


def permutation_p(blocks: Blocks, rng: np.random.Generator) -> float:
    """See `PermutationTests.p`; for a single pair of methods."""
    return PermutationTests(rng).p(blocks)


class PermutationTests:
    """Tests of several pairs of methods, which share what takes longest: to draw which studies change methods."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._drawn: dict[tuple[int, int, int], NDArray[np.bool_]] = {}

    def p(self, blocks: Blocks) -> float:
        """How probable so large a difference of means is, either way, if both methods were the same.

        Methods are paired by the spaces that both have searched: studies change methods within their space only (a
        permutation test in blocks, Fisher 1935), so that hard and easy spaces stay apart. They are not paired by their
        seeds, of which different searches make different use; where studies of one seed are alike, the test is careful.
        """
        observed, permuted = 0.0, np.zeros(PERMUTATIONS)
        for number, (first, second) in enumerate(blocks):
            # Of scores whose mean is 0, the difference of both means follows from the sum of the one.
            scores = np.asarray([*first, *second])
            scores = (scores - scores.mean()) * (1.0 / len(first) + 1.0 / len(second))
            observed += float(scores[: len(first)].sum())
            chosen = self._chosen(number, len(first), len(second))
            rows = max(1, AT_ONCE // len(scores))
            for begin in range(0, PERMUTATIONS, rows):
                permuted[begin : begin + rows] += chosen[begin : begin + rows] @ scores
        exceeding = np.abs(permuted) >= abs(observed) * (1.0 - 1e-9)
        return float((1 + np.count_nonzero(exceeding)) / (1 + PERMUTATIONS))

    def _chosen(self, number: int, first: int, second: int) -> NDArray[np.bool_]:
        """Shape (PERMUTATIONS, first + second): who is of the first method in the block of this number."""
        key = number, first, second
        if key not in self._drawn:
            if sum(each.nbytes for each in self._drawn.values()) > KEPT_BYTES:
                self._drawn.clear()
            chosen = np.empty((PERMUTATIONS, first + second), dtype=np.bool_)
            chosen[:] = np.arange(first + second) < first
            self._drawn[key] = self._rng.permuted(chosen, axis=1, out=chosen)
        return self._drawn[key]


def fewest_studies(pairs: int, level: float) -> int:
    """How many studies each method must have on one space, so that a difference among so many pairs can be certain.

    Two of the C(2n, n) ways to share the scores of n and n studies out are the most extreme.
    """
    return next(n for n in itertools.count(1) if pairs * 2 / math.comb(2 * n, n) <= level)


def superiority(blocks: Blocks) -> float:
    """How often a study of the first method has the higher score than one of the second, ties counting half.

    The measure of stochastic superiority of Vargha and Delaney 2000, over all pairs of studies of one space.
    """
    higher = sum(float(mannwhitneyu(first, second).statistic) for first, second in blocks)
    return higher / sum(len(first) * len(second) for first, second in blocks)
