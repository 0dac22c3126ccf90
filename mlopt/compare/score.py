"""How good a search is, next to random search: the protocol of the auto-tuning community.

Willemsen et al. 2024, "A methodology for comparing optimization algorithms for auto-tuning". Random search without
replacement is the baseline, and its expected best is computed rather than sampled. A space is searched for as long as
random search needs to come near its optimum, so that easy and hard spaces count alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import UserError

CUTOFF = 0.95
"""How near: this part of the way from the median of all valid objectives to the optimum."""

CONFIDENCE = 0.95
RESAMPLES = 10_000
AT_ONCE = 4_000_000
"""Numbers that are resampled at once, for the sake of memory."""

NEGLIGIBLE = 1e-30
"""A probability that no longer adds to an expectation; it only falls from then on, until arithmetic becomes slow."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What searches of one space are measured against."""

    optimum: float
    worst: float
    """The worst valid objective: what a search counts as having before its first valid trial."""
    baseline: NDArray[np.float64]
    """Shape (budget,): the expected best of random search after 1, 2, ... valid trials."""

    @classmethod
    def of(cls, objectives: ArrayLike) -> Yardstick:
        """The yardstick of a space by its valid objectives, less being better. Raises UserError if all are equal."""
        ordered = np.sort(np.asarray(objectives, dtype=np.float64))
        if not len(ordered) or ordered[0] == ordered[-1]:
            raise UserError("a space whose valid objectives are all equal compares no searches")
        return cls(float(ordered[0]), float(ordered[-1]), expected_best(ordered, budget(ordered)))

    @classmethod
    def by_rank(cls, objectives: ArrayLike) -> Yardstick | None:
        """The same by `at_expected_rank`; None where that reaches the optimum, which nothing can be ahead of."""
        ordered = np.sort(np.asarray(objectives, dtype=np.float64))
        baseline = at_expected_rank(ordered, budget(ordered))
        return cls(float(ordered[0]), float(ordered[-1]), baseline) if baseline[-1] > ordered[0] else None

    def cut(self, trials: int) -> Yardstick:
        """The same for searches that had at most so many trials."""
        return replace(self, baseline=self.baseline[:trials])

    @property
    def budget(self) -> int:
        """Trials that a search has."""
        return len(self.baseline)

    def score(self, objectives: Sequence[float | None]) -> float:
        """How much of the way from random search to the optimum a search was ahead, on the mean over the budget.

        0 is random search and 1 is the optimum at once. `objectives` are those of the search's trials in their order,
        None for a failure; trials beyond the budget do not count, and after the last one the best stays the best.
        """
        return float(self.scores(incumbents([objectives], self.budget, self.worst))[0])

    def scores(self, best: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same of many searches by the best that each had, shape (searches, budget), the worst before any."""
        return np.asarray(((self.baseline - best) / (self.baseline - self.optimum)).mean(axis=1))


def budget(ordered: NDArray[np.float64]) -> int:
    """The trials that random search needs on average until one is within the cutoff, less than one more at most.

    Of n valid objectives, in ascending order, h are good enough: before the first of them come (n - h) / (h + 1) on
    average.
    """
    median = float(np.median(ordered))
    good = int(np.searchsorted(ordered, median - CUTOFF * (median - ordered[0]), side="right"))
    return max(1, math.ceil((len(ordered) - good) / (good + 1)))


def expected_best(ordered: NDArray[np.float64], draws: int) -> NDArray[np.float64]:
    """Shape (draws,): the expected least of 1, 2, ... values drawn without replacement from `ordered` (ascending).

    The value of rank r is the least of k when all other k - 1 are among the n - 1 - r behind it. The probability of
    that falls from one k to the next by a factor, so no binomial coefficient is ever formed.
    """
    n = len(ordered)
    behind = n - 1.0 - np.arange(n)
    chance = np.full(n, 1.0 / n)
    best = np.empty(draws)
    for k in range(1, draws + 1):
        chance = chance[: np.searchsorted(-chance, -NEGLIGIBLE)]
        best[k - 1] = chance @ ordered[: len(chance)]
        if k < n:
            chance = chance * np.maximum(behind[: len(chance)] - (k - 1), 0.0) / (n - k) * ((k + 1) / k)
    return best


def at_expected_rank(ordered: NDArray[np.float64], draws: int) -> NDArray[np.float64]:
    """Shape (draws,): the value at the expected rank of the least of 1, 2, ... drawn so from `ordered` (ascending).

    What autotuning-methodology 1.1 takes for the expected best (`RandomSearchCalculatedBaseline`, its rounding too). It
    is another figure where values are unevenly spread: most are bad in some spaces, and weigh on the mean alone.
    """
    n, k = len(ordered), np.arange(1.0, draws + 1.0)
    behind = np.minimum(n - 1, np.round(k * (n + 1) / (k + 1))).astype(np.intp)
    return ordered[n - 1 - behind]


def incumbents(studies: Sequence[Sequence[float | None]], trials: int, before: float = math.inf) -> NDArray[np.float64]:
    """Shape (studies, trials): the best objective of each after 1, 2, ... trials, and `before` its first valid one."""
    best = np.full((len(studies), trials), before)
    for row, objectives in zip(best, studies, strict=True):
        tried = objectives[:trials]
        row[: len(tried)] = [before if objective is None else objective for objective in tried]
    return np.asarray(np.minimum.accumulate(best, axis=1))


def interval(scores: Sequence[float], rng: np.random.Generator) -> tuple[float, float]:
    """The 95 % confidence interval of the mean of `scores`, by the percentile bootstrap (Efron 1979)."""
    return mean_interval([scores], rng)


def mean_interval(scores: Sequence[Sequence[float]], rng: np.random.Generator) -> tuple[float, float]:
    """The same for the mean over several spaces, each with its own scores: each is resampled by itself."""
    certain = np.zeros(RESAMPLES, dtype=np.intp)
    return central(np.mean([resampled(np.asarray([each]), certain, rng) for each in scores], axis=0))


def central(values: NDArray[np.float64]) -> tuple[float, float]:
    """The middle 95 % of resampled values."""
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def resampled(scores: NDArray[np.float64], sticks: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.float64]:
    """Means of samples of studies' scores, drawn with replacement; the shape is that of `sticks`.

    `scores` has a row for each yardstick, shape (yardsticks, studies), and `sticks` says by which one each sample is
    judged: what is uncertain about the yardstick is in the spread then, and it is the same for all methods.
    """
    studies = scores.shape[1]
    means = np.empty(len(sticks))
    rows = max(1, AT_ONCE // studies)
    for begin in range(0, len(sticks), rows):
        part = sticks[begin : begin + rows]
        means[begin : begin + rows] = scores[part[:, None], rng.integers(studies, size=(len(part), studies))].mean(1)
    return means
