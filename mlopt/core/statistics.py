"""What repeated timings of one kernel say about its time."""

from __future__ import annotations

import functools
import itertools
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """The median of timings, in seconds, with its confidence interval."""

    seconds: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Estimate:
        """The sample median and the distribution-free interval between two order statistics around it.

        The number of samples below the true median is binomial, whatever the distribution of timings (David and
        Nagaraja 2003, section 7.1). Below 6 samples no such interval reaches 95 %: it is the whole range then.
        """
        ordered = sorted(samples)
        below = _below(len(ordered))
        return cls(statistics.median(ordered), ordered[below], ordered[-1 - below])

    @property
    def precision(self) -> float:
        """Half the interval's width, relative to the median."""
        return (self.high - self.low) / 2.0 / self.seconds


@functools.cache
def _below(count: int) -> int:
    """How many samples to leave out at either end."""
    beyond = itertools.accumulate(_outcomes(count))
    return max(0, next(k for k, n in enumerate(beyond) if 2 * n / (1 << count) >= 1.0 - CONFIDENCE) - 1)


def at_least(heads: int, tosses: int) -> float:
    """The probability of so many heads, or more, in tosses of a fair coin; exact but for one rounding."""
    return sum(itertools.islice(_outcomes(tosses), tosses - heads + 1)) / (1 << tosses)


def _outcomes(tosses: int) -> Iterator[int]:
    """In how many ways tosses of a coin can show no heads (or all), one, two and so on."""
    return itertools.accumulate(range(tosses), lambda ways, k: ways * (tosses - k) // (k + 1), initial=1)
