"""What random search would have reached, for the score of studies of one space."""

from __future__ import annotations

import functools
from collections.abc import Sequence
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


def yardstick(studies: Sequence[StudyRecord]) -> tuple[Yardstick, str]:
    """The yardstick of one space, over as many trials as its studies had at most, and where the baseline comes from.

    `recorded`: exact, over all of a recorded space. `random`: estimated from the trials of the studies that drew at
    random. `pooled`: where there is none of them, from what all studies tried, among which they are compared then; that
    is better than random, so scores are lower. Raises UserError where there are no two different objectives.
    """
    trials = max(len(study.objectives) for study in studies)
    if studies[0].table is not None and (exact := _recorded(studies[0].table)) is not None:
        return Yardstick(exact.optimum, exact.worst, exact.baseline[:trials]), "recorded"
    random = [study for study in studies if study.search == RANDOM]
    drawn, known = _valid(random or studies), _valid(studies)
    if not len(drawn) or known[0] == known[-1]:
        raise UserError("no two valid trials differ, so there is nothing to compare")
    draws = min(trials, budget(np.insert(drawn, 0, known[0])))
    baseline = np.maximum(expected_best(drawn, draws), known[0] + np.finfo(np.float64).eps * abs(known[0]))
    return Yardstick(float(known[0]), float(known[-1]), baseline), RANDOM if random else "pooled"


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


def _valid(studies: Sequence[StudyRecord]) -> NDArray[np.float64]:
    """The objectives of all valid trials, in ascending order."""
    return np.sort([objective for study in studies for objective in study.objectives if objective is not None])


@functools.lru_cache(maxsize=4)
def _recorded(path: Path) -> Yardstick | None:
    """The exact yardstick of a record; None where the file is no longer there."""
    if not path.is_file():
        return None
    space = RecordedSpace(read(path))
    return Yardstick.of([trial.objective for trial in space.trials.values() if trial.objective is not None])
