"""What a study's trials say so far, in few words: for a model's prompt, and for the expert who stands in for it."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ...core.schedule import Schedule, Value
from ...core.trial import Trial
from ..rewritten import decisions

PRIOR = 2.0
"""Trials of no effect that each value is taken to have had, so that one lucky trial proves little."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one value of a knob goes with."""

    knob: str
    value: Value
    factor: float
    """The time of the trials that had it, over that of all trials that decided the knob: geometric means, below 1 good.
    Drawn towards 1 as if PRIOR further trials had shown no effect."""
    trials: int


class History:
    """The trials that a search was told of, each schedule once."""

    def __init__(self) -> None:
        self._trials: dict[Schedule, Trial] = {}
        self.last_gain = 0
        """The number of trials after which the best one came."""
        self._best = math.inf

    def __len__(self) -> int:
        return len(self._trials)

    def add(self, trial: Trial) -> None:
        """Remember `trial`."""
        self._trials.setdefault(trial.schedule, trial)
        if trial.objective is not None and trial.objective < self._best:
            self._best, self.last_gain = trial.objective, len(self)

    def trial(self, schedule: Schedule) -> Trial | None:
        """What became of `schedule`, if that is known."""
        return self._trials.get(schedule)

    def best(self, most: int) -> list[Trial]:
        """The best trials, the best first."""
        ranked = [(trial.objective, trial) for trial in self._trials.values() if trial.objective is not None]
        return [trial for _, trial in sorted(ranked, key=lambda each: each[0])[:most]]

    def failures(self, most: int) -> list[Trial]:
        """The latest trial of each way to fail, the latest first: what kind it was, and how its error begins."""
        kinds = {(t.status, t.error[:40]): t for t in self._trials.values() if not t.ok}
        return sorted(kinds.values(), key=lambda trial: -trial.trial)[:most]

    def effects(self) -> list[Effect]:
        """Of every value that was tried of a knob with several; knobs that matter more come first."""
        logs: dict[str, dict[Value, list[float]]] = defaultdict(lambda: defaultdict(list))
        for trial in self._trials.values():
            if trial.objective is not None:
                for decision in decisions(trial.schedule):
                    logs[decision.knob][decision.value].append(math.log(trial.objective))
        effects: dict[str, list[Effect]] = {}
        for knob, values in logs.items():
            if len(values) > 1:
                mean = statistics.fmean(log for each in values.values() for log in each)
                effects[knob] = [_effect(knob, value, each, mean) for value, each in values.items()]
        ranked = sorted(effects.values(), key=_spread, reverse=True)
        return [effect for each in ranked for effect in each]


def _effect(knob: str, value: Value, logs: Sequence[float], mean: float) -> Effect:
    return Effect(knob, value, math.exp(sum(log - mean for log in logs) / (len(logs) + PRIOR)), len(logs))


def _spread(effects: Sequence[Effect]) -> float:
    factors = [effect.factor for effect in effects]
    return max(factors) / min(factors)
