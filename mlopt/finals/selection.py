"""Which trials meet in the finals."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from ..core.trial import Trial
from ..evaluator.drift import TOLERANCE

CALM = 10
"""The percentile of a study's reference timings at which the machine was calm."""


def finalists(trials: Sequence[Trial], number: int) -> list[Trial]:
    """The fastest ok trials, at most `number`, the fastest first.

    One that was timed while the machine was slow stands as if it had been calm: it may be too low then, but it is the
    finals that say how fast it is. The fastest by its own trial always takes part.
    """
    timed = [trial for trial in trials if trial.seconds is not None]
    references = [trial.metrics["reference_seconds"] for trial in timed if "reference_seconds" in trial.metrics]
    calm = float(np.percentile(references, CALM)) if references else 0.0

    def seconds(trial: Trial) -> float:
        slowdown = trial.metrics.get("reference_seconds", calm) / calm if calm else 1.0
        return (trial.seconds or 0.0) / (slowdown if slowdown > 1.0 + TOLERANCE else 1.0)

    chosen = heapq.nsmallest(number, timed, key=seconds)
    fastest = min(timed, key=lambda trial: trial.seconds or 0.0, default=None)
    if fastest is not None and fastest not in chosen:
        chosen[-1] = fastest
    return sorted(chosen, key=lambda trial: trial.seconds or 0.0)
