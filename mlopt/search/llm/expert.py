"""An expert's rules, for when there is no model: they read the same summary as it would."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Mapping

import numpy as np

from ...core.schedule import Schedule, Value
from ...protocols import Space
from ..draw import Draw
from ..vary import Vary, hinted
from .history import PRIOR, History

PARENTS = 3
"""The best trials that are improved upon."""

PAIRED = 8
"""The most promising changes of a trial, which are also made two at a time."""

EXPLORED = 5
"""One proposal in so many is a uniform draw, from which effects of values are learnt that no good trial has."""


class Expert:
    """Begins with the space's own hints; then changes a decision or two of the best trials, the most promising first.

    A value promises what it went with so far (`History.effects`), give or take the more, the fewer trials had it.
    """

    def __init__(self, space: Space, history: History, draw: Draw, vary: Vary, rng: np.random.Generator) -> None:
        self._knobs = {knob.name: knob for knob in space.knobs}
        self._history = history
        self._draw = draw
        self._vary = vary
        self._rng = rng
        self._hints = hinted(space, vary)

    def propose(self) -> Schedule | None:
        """A schedule that is not known yet; None where there is none left."""
        while self._hints:
            if (hint := self._hints.pop(0)) not in self._draw:
                return hint
        if self._rng.integers(EXPLORED):
            for changed in self._changes():
                if changed not in self._draw:
                    return changed
        return self._draw.fresh()

    def _changes(self) -> Iterator[Schedule]:
        """The best trials with one decision or two changed, by what is expected of them."""
        promises = self._promises()
        expected: list[tuple[float, Schedule, Mapping[str, Value]]] = []
        for parent in self._history.best(PARENTS):
            reached, changes = math.log(parent.objective or math.inf), self._single(parent.schedule, promises)
            expected += [(reached + gain, parent.schedule, {knob: value}) for gain, knob, value in changes]
            for (gain, knob, value), (also, other, there) in itertools.combinations(changes[:PAIRED], 2):
                if knob != other:
                    expected.append((reached + gain + also, parent.schedule, {knob: value, other: there}))
        for _, schedule, change in sorted(expected, key=lambda each: each[0]):
            yield self._vary.repair({**schedule.values(), **change})

    def _promises(self) -> Mapping[tuple[str, Value], float]:
        """Of each value of each knob the logarithm of a factor of the time, drawn from what is known of it.

        That is the less, the fewer trials had the value (Thompson 1933): the spread of the better half of all trials,
        over the root of their number.
        """
        known = {(effect.knob, effect.value): effect for effect in self._history.effects()}
        better = self._history.best(1 + len(self._history) // 2)
        spread = statistics.pstdev([math.log(trial.objective or math.inf) for trial in better]) if better else 0.0
        promises = {}
        for knob in self._knobs.values():
            for value in knob.values:
                effect = known.get((knob.name, value))
                mean, trials = (math.log(effect.factor), effect.trials) if effect else (0.0, 0)
                promises[knob.name, value] = mean + spread * self._rng.standard_normal() / math.sqrt(trials + PRIOR)
        return promises

    def _single(
        self, schedule: Schedule, promises: Mapping[tuple[str, Value], float]
    ) -> list[tuple[float, str, Value]]:
        """Changes of one decision to a value next to its own, and what they promise, the most promising one first."""
        found = []
        for name, value in schedule:
            knob = self._knobs.get(name)
            if knob is not None and value in knob.values:
                before = promises[name, value]
                found += [(promises[name, other] - before, name, other) for other in knob.neighbours(value)]
        return sorted(found, key=lambda change: change[0])
