"""Which of two kernels is faster, as far as timings taken side by side can tell."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from .statistics import at_least

MARGIN = 0.0125
"""Relative difference that makes no winner. Two processes that run one kernel differ however long they are timed, since
each has its code and its temporaries elsewhere (Mytkowicz et al. 2009, "Producing wrong data without doing anything
obviously wrong"); buffers are moved between turns (`finals.places`)."""

ERROR_RATE = 0.02
"""How often a winner may be called, at most, where no difference exceeds MARGIN."""

FEWEST_PAIRS = math.ceil(1.0 - math.log2(ERROR_RATE))
"""With fewer, even pairs that are all one-sided call no winner: their probability is 2 to the power of 1 - pairs."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two kernels' timings, paired: the i-th of each was taken at about the same moment."""

    ratio: float
    """The second one's time over the first one's: the median over all pairs."""
    p: float
    """Probability of pairs at least as one-sided as these if the times differed by MARGIN at most."""

    @classmethod
    def of(cls, first: Sequence[float], second: Sequence[float]) -> Comparison:
        """Compare timings in seconds, taken in turn; where one has more of them, the rest has no partner.

        Drift hits both halves of a pair and leaves their ratio alone. How many ratios lie beyond MARGIN is put to the
        sign test (Dixon and Mood 1946), since half of them would if MARGIN were the true one: it assumes nothing of the
        noise, and no burst counts for more than its pair. Raises ValueError without a pair.
        """
        logs = [math.log(b / a) for a, b in zip(first, second, strict=False)]
        median = statistics.median(logs)
        beyond = sum(math.copysign(log, log * median) > math.log1p(MARGIN) for log in logs)
        p = 2.0 * at_least(beyond, len(logs))
        return cls(math.exp(median), min(1.0, p))

    @property
    def winner(self) -> int | None:
        """0 or 1, which is faster; None where that cannot be told."""
        if self.p > ERROR_RATE:
            return None
        return 0 if self.ratio > 1.0 else 1
