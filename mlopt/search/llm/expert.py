"""An expert's rules, for when there is no model: they read the same summary as it would."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ...core.schedule import Schedule, Value
from ...protocols import Space
from ..draw import Draw
from ..vary import Vary, hinted
from .history import History

PARENTS = 3
"""The best trials that are improved upon."""

EXPLORED = 5
"""One proposal in so many is a uniform draw, from which effects of values are learnt that no good trial has."""


class Expert:
    """Begins with the space's own hints; then changes one decision of the best trials, the most promising one first.

    A value promises what it went with so far (`History.effects`), one that was never tried nothing good or bad.
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
        """The best trials with one decision changed to a neighbouring value, by what is expected of them."""
        effects = {(effect.knob, effect.value): math.log(effect.factor) for effect in self._history.effects()}
        expected: list[tuple[float, Schedule, str, Value]] = []
        for parent in self._history.best(PARENTS):
            for knob, value in parent.schedule:
                if knob in self._knobs and value in self._knobs[knob].values:
                    before = math.log(parent.objective or math.inf) - effects.get((knob, value), 0.0)
                    for other in self._knobs[knob].neighbours(value):
                        expected.append((before + effects.get((knob, other), 0.0), parent.schedule, knob, other))
        # Among equals at random, so that no knob is favoured by its place in the tree.
        order = self._rng.permutation(len(expected))
        for index in sorted(order, key=lambda index: expected[index][0]):
            _, schedule, knob, other = expected[index]
            yield self._vary.repair({**schedule.values(), knob: other})
