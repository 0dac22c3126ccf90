"""What a trial is worth to a policy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.trial import Status, Trial

SLOW = (Status.TIMEOUT, Status.OUT_OF_MEMORY)
"""Failures of programs that may be right, and cost too much."""


class Rewards:
    """Logarithms of speed, less their mean so far, in units of their deviation so far (Welford 1962).

    A failure has no number, so its rank decides: one that is only too costly is worth as much as the slowest success so
    far, any other one a deviation less. Nothing here depends on the workload's scale.
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean = self._squares = 0.0
        self._worst = math.inf

    def of(self, trials: Sequence[Trial]) -> NDArray[np.float32]:
        """Shape (trials,): their rewards, once they are counted among what there was so far."""
        speeds = [-math.log(trial.objective) if trial.objective is not None else None for trial in trials]
        for speed in speeds:
            if speed is not None:
                self._count += 1
                before = speed - self._mean
                self._mean += before / self._count
                self._squares += before * (speed - self._mean)
                self._worst = min(self._worst, speed)
        deviation = math.sqrt(self._squares / self._count) if self._count > 1 else 0.0
        unit = deviation or 1.0
        worst = self._worst if self._count else self._mean
        failed = [worst - unit * (trial.status not in SLOW) for trial in trials]
        rewards = [failure if speed is None else speed for speed, failure in zip(speeds, failed, strict=True)]
        return ((np.array(rewards) - self._mean) / unit).astype(np.float32)
