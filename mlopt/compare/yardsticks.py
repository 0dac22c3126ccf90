"""What random search would have reached, for the score of studies of one space, and how sure that is."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..backend.recorded.record import read
from ..backend.recorded.space import RecordedSpace
from ..core.errors import UserError
from .record import StudyRecord
from .score import Yardstick, budget

RANDOM = "random"
"""The search whose trials are drawn uniformly."""

SAMPLES = 100
"""Of the studies that drew at random, to see how uncertain a yardstick is."""

CERTAIN = 20_000
"""Random trials that make a yardstick certain, next to the searches that are judged by it."""


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """What the studies of one space are measured against."""

    sticks: Sequence[Yardstick]
    """The one that counts first."""
    origin: str
    """Where the baseline comes from; see `yardsticks`."""
    by_rank: Yardstick | None = None
    """Of a recorded space, what the score of autotuning-methodology is measured against."""


def yardsticks(studies: Sequence[StudyRecord], rng: np.random.Generator) -> Yardsticks:
    """The yardstick of one space, over as many trials as its studies had at most, and where the baseline comes from.

    `recorded`: exact, over all of a recorded space. `random`: estimated from the trials of the studies that drew at
    random; more yardsticks follow then, each from a sample of these studies, and their spread is what is uncertain.
    `pooled`: where there is none of them, from what all studies tried, among which they are compared then; that is
    better than random, so scores are lower. Raises UserError where there are no two different objectives.
    """
    trials = max(len(study.objectives) for study in studies)
    if studies[0].table is not None and (recorded := _recorded(studies[0].table)) is not None:
        by_rank = Yardstick.by_rank(recorded)
        return Yardsticks([Yardstick.of(recorded).cut(trials)], "recorded", by_rank and by_rank.cut(trials))
    random = [valid for study in studies if study.search == RANDOM and len(valid := study.valid)]
    everything = [study.valid for study in studies]
    known = np.sort(np.concatenate(everything))
    if not len(known) or known[0] == known[-1]:
        raise UserError("no two valid trials differ, so there is nothing to compare")
    drawn = np.sort(np.concatenate(random or everything))
    draws = min(trials, budget(np.insert(drawn, 0, known[0])))

    def judged_by(sample: NDArray[np.float64]) -> Yardstick:
        baseline = np.maximum(expected_best(sample, draws), known[0] + np.finfo(np.float64).eps * abs(known[0]))
        return Yardstick(float(known[0]), float(known[-1]), baseline)

    first = judged_by(drawn)
    if not random:
        return Yardsticks([first], "pooled")
    if len(drawn) > CERTAIN:
        return Yardsticks([first], RANDOM)
    samples = (rng.integers(len(random), size=len(random)) for _ in range(SAMPLES))
    return Yardsticks(
        [first, *(judged_by(np.sort(np.concatenate([random[i] for i in each]))) for each in samples)], RANDOM
    )


def expected_best(ordered: NDArray[np.float64], draws: int) -> NDArray[np.float64]:
    """Shape (draws,): the expected least of 1, 2, ... values, when `ordered` (ascending) is a sample of them.

    Drawn with replacement, since the space is larger than the sample: the least of k is at least the value of rank r
    with a probability of ((n - r) / n) to the power of k.
    """
    n = len(ordered)
    left = 1.0 - np.arange(n + 1) / n
    chance = np.ones(n + 1)
    best = np.empty(draws)
    for k in range(draws):
        chance = chance * left
        best[k] = (chance[:-1] - chance[1:]) @ ordered
    return best


@functools.lru_cache(maxsize=4)
def _recorded(path: Path) -> NDArray[np.float64] | None:
    """The valid objectives of a record; None where the file is no longer there."""
    if not path.is_file():
        return None
    trials = RecordedSpace(read(path)).trials.values()
    return np.array([trial.objective for trial in trials if trial.objective is not None])
