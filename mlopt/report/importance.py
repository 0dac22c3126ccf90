"""Which knobs matter, and which matter together, as far as a study's own trials can tell."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.schedule import Value
from ..core.trial import Trial
from .progress import ABSENT

FEWEST = 20
"""Valid trials below which nothing is said."""
KNOBS = 12
"""Those that are shown, the most important first."""
TOGETHER = 5
"""Of the most important knobs, each pair is looked at."""
TREES = 64


@dataclass(frozen=True, slots=True)
class Importance:
    """What a model of the trials says; see `importance`."""

    knobs: Mapping[str, float]
    """The share of the variance of log time that each knob explains by itself, the largest first."""
    pairs: Mapping[tuple[str, str], float]
    """What two knobs explain together beyond what each does by itself, the largest first."""
    explained: float
    """How much of the variance the model explains of trials that it was not made from: what all of this is worth."""


def importance(trials: Sequence[Trial]) -> Importance | None:
    """What decides the time of a trial; None where there are too few valid trials or no two of them differ.

    A random forest learns log time from decisions. The variance that it explains is taken apart by knobs and by pairs
    of knobs (functional ANOVA: Hooker 2007; on forests, for tuning: Hutter, Hoos and Leyton-Brown 2014), over the
    schedules that were tried. A knob that a schedule does not have counts as one more of its values.
    """
    timed = [(trial, trial.reached) for trial in trials if trial.reached is not None and trial.reached > 0.0]
    if len(timed) < FEWEST:
        return None
    knobs, codes = encode([trial.schedule.values() for trial, _ in timed])
    logs = np.array([math.log(reached) for _, reached in timed])
    if not knobs or np.ptp(logs) == 0.0:
        return None
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(TREES, min_samples_leaf=2, max_features=0.5, oob_score=True, random_state=0)
    forest.fit(codes, logs)
    total = float(np.var(forest.predict(codes)))
    if total == 0.0:
        return None
    effects = {knob: _effect(forest, codes, (number,)) for number, knob in enumerate(knobs)}
    shares = {knob: float(np.var(effect)) / total for knob, effect in effects.items()}
    ordered = dict(sorted(shares.items(), key=lambda item: -item[1])[:KNOBS])
    pairs = {}
    for one, two in itertools.combinations(list(ordered)[:TOGETHER], 2):
        both = _effect(forest, codes, (knobs.index(one), knobs.index(two)))
        pairs[one, two] = float(np.var(both - effects[one] - effects[two])) / total
    return Importance(
        ordered, dict(sorted(pairs.items(), key=lambda item: -item[1])), max(0.0, float(forest.oob_score_))
    )


def encode(schedules: Sequence[Mapping[str, Value]]) -> tuple[list[str], NDArray[np.float64]]:
    """The knobs that take more than one value, and each schedule's values as ranks, shape (schedules, knobs).

    Numbers keep their order; the absence of a knob comes before all.
    """
    columns = {}
    for knob in dict.fromkeys(itertools.chain.from_iterable(schedules)):
        values = [schedule.get(knob, ABSENT) for schedule in schedules]
        kinds = sorted(set(values), key=lambda value: (value != ABSENT, isinstance(value, str), value))
        if len(kinds) > 1:
            ranks = {value: rank for rank, value in enumerate(kinds)}
            columns[knob] = [float(ranks[value]) for value in values]
    return list(columns), np.array(list(columns.values())).T.reshape(len(schedules), len(columns))


def _effect(forest: object, codes: NDArray[np.float64], knobs: tuple[int, ...]) -> NDArray[np.float64]:
    """Shape (schedules,): the mean prediction where `knobs` are as in each schedule and the others as in all."""
    values, which = np.unique(codes[:, knobs], axis=0, return_inverse=True)
    means = np.empty(len(values))
    for row, value in enumerate(values):
        changed = codes.copy()
        changed[:, knobs] = value
        means[row] = forest.predict(changed).mean()  # type: ignore[attr-defined]
    centred = means - means[which].mean()
    return np.asarray(centred[which.reshape(-1)])
