"""What a trial is worth to a policy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.trial import Status, Trial

SLOW = (Status.TIMEOUT, Status.OUT_OF_MEMORY)
"""Failures of programs that may be right, and cost too much."""


class Spread:
    """Mean and deviation of the numbers so far (Welford 1962)."""

    def __init__(self, count: int = 0, mean: float = 0.0, squares: float = 0.0) -> None:
        self.count, self.mean, self.squares = count, mean, squares

    def add(self, number: float) -> None:
        self.count += 1
        before = number - self.mean
        self.mean += before / self.count
        self.squares += before * (number - self.mean)

    @property
    def unit(self) -> float:
        """The deviation; 1 until two numbers differ."""
        return math.sqrt(self.squares / max(1, self.count)) or 1.0


class Rewards:
    """Logarithms of speed, less their mean so far, in units of their deviation so far.

    A failure has no number, so its rank decides: one that is only too costly is worth as much as the slowest success so
    far, any other one a deviation less. Nothing here depends on the workload's scale.
    """

    def __init__(self) -> None:
        self._spread = Spread()
        self._worst = math.inf

    def of(self, trials: Sequence[Trial]) -> NDArray[np.float32]:
        """Shape (trials,): their rewards, once they are counted among what there was so far."""
        speeds = [-math.log(trial.objective) if trial.objective is not None else None for trial in trials]
        for speed in speeds:
            if speed is not None:
                self._spread.add(speed)
                self._worst = min(self._worst, speed)
        worst = self._worst if self._spread.count else 0.0
        return ((ranked(trials, speeds, worst, self._spread.unit) - self._spread.mean) / self._spread.unit).astype(
            np.float32
        )


def ranked(trials: Sequence[Trial], speeds: Sequence[float | None], worst: float, unit: float) -> NDArray[np.float64]:
    """The speeds, those of failures in relation to the `worst` success: as much, or a `unit` less unless just slow."""
    failed = [worst - unit * (trial.status not in SLOW) for trial in trials]
    return np.array([failure if speed is None else speed for speed, failure in zip(speeds, failed, strict=True)])
