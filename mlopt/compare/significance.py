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

Blocks = Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]
"""For each space, the scores of the studies of two methods."""


def holm(ps: Sequence[float]) -> list[float]:
    """Probabilities corrected for their number (Holm 1979): a step-down Bonferroni."""
    order = np.argsort(ps)
    corrected = np.maximum.accumulate(np.asarray(ps)[order] * np.arange(len(ps), 0, -1)).clip(max=1.0)
    return [float(p) for p in corrected[np.argsort(order)]]


def permutation_p(blocks: Blocks, rng: np.random.Generator) -> float:
    """How probable so large a difference of means is, either way, if both methods were the same.

    Methods are paired by the spaces that both have searched: studies change methods within their space only (a
    permutation test in blocks, Fisher 1935), so that hard and easy spaces stay apart. They are not paired by their
    seeds, of which different searches make different use; where studies of one seed are alike, the test is careful.
    """
    observed, permuted = 0.0, np.zeros(PERMUTATIONS)
    for first, second in blocks:
        pooled = np.asarray([*first, *second])
        weights = np.where(np.arange(len(pooled)) < len(first), 1.0 / len(first), -1.0 / len(second))
        observed += float(weights @ pooled)
        rows = max(1, AT_ONCE // len(pooled))
        for begin in range(0, PERMUTATIONS, rows):
            part = permuted[begin : begin + rows]
            part += rng.permuted(np.tile(pooled, (len(part), 1)), axis=1) @ weights
    exceeding = np.abs(permuted) >= abs(observed) * (1.0 - 1e-9)
    return float((1 + np.count_nonzero(exceeding)) / (1 + PERMUTATIONS))


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
