"""What methods have reached at any time: the median over their studies, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from .record import StudyRecord
from .score import CONFIDENCE, incumbents

MOMENTS = 200
"""Points of a curve over time."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The best so far of the studies of one method on one space; all arrays have the shape (points,).

    Infinite where too few of the studies have had a valid trial.
    """

    x: NDArray[np.float64]
    """Trials, or seconds since the first one began."""
    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def by_trials(studies: Sequence[StudyRecord]) -> Curve:
    """The curve over the trials that have ended."""
    trials = max(len(study.objectives) for study in studies)
    return _curve(np.arange(1.0, trials + 1.0), incumbents([study.objectives for study in studies], trials))


def by_seconds(studies: Sequence[StudyRecord]) -> Curve | None:
    """The curve over time; None where the studies do not say when their trials ended."""
    if any(len(study.elapsed) != len(study.objectives) or not len(study.elapsed) for study in studies):
        return None
    moments = np.linspace(0.0, max(max(study.elapsed) for study in studies), MOMENTS + 1)[1:]
    best = np.full((len(studies), MOMENTS), np.inf)
    for row, study in zip(best, studies, strict=True):
        ended = np.maximum.accumulate(study.elapsed)
        reached = incumbents([study.objectives], len(ended))[0]
        done = np.searchsorted(ended, moments, side="right")
        row[done > 0] = reached[done[done > 0] - 1]
    return _curve(moments, best)


def _curve(x: NDArray[np.float64], best: NDArray[np.float64]) -> Curve:
    ordered = np.sort(best, axis=0)
    low, middle, high = median_ranks(len(best))
    return Curve(x, ordered[middle], ordered[low], ordered[high])


def median_ranks(n: int) -> tuple[int, int, int]:
    """Which of n ordered values is the median, the lower one of two, between the ends of its 95 % interval.

    The interval is the percentile bootstrap's, not sampled but computed: the median of n values drawn with replacement
    is at most the k-th of them as often as at least half of the draws are (Efron 1979).
    """
    middle = (n - 1) // 2
    at_most = binom.sf(middle, n, np.arange(1, n + 1) / n)
    low, high = np.searchsorted(at_most, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return int(low), middle, int(min(high, n - 1))
