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

    Half of the places, at least, go to the fastest by their own trials. For the others, who was timed while the machine
    was slow stands as if it had been calm: that is one reading's word, which may be noise, but it takes nobody's place
    who is surely fast, and it is the finals that say how fast each is.
    """
    timed = [trial for trial in trials if trial.seconds is not None]
    references = [trial.metrics["reference_seconds"] for trial in timed if "reference_seconds" in trial.metrics]
    calm = float(np.percentile(references, CALM)) if references else 0.0

    def own(trial: Trial) -> float:
        return trial.seconds or 0.0

    def calmed(trial: Trial) -> float:
        slowdown = trial.metrics.get("reference_seconds", calm) / calm if calm else 1.0
        return own(trial) / (slowdown if slowdown > 1.0 + TOLERANCE else 1.0)

    ranked = sorted(timed, key=own)
    sure = number - number // 2
    chosen = ranked[:sure] + heapq.nsmallest(number - sure, ranked[sure:], key=calmed)
    return sorted(chosen, key=own)
