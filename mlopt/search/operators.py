"""Which way of making new schedules pays."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from ..core.schedule import Schedule
from ..core.space import Knob
from ..core.trial import Trial
from .population import Population
from .vary import Vary

FADING = 0.98
"""What a success and a try count for when another one is told: the memory is some 50 tries long."""
LEAST = 0.25
"""The least probability of an operator, in equal shares."""


class Operators:
    """Chooses among ways to vary a parent by how often they led to something better (probability matching, as in
    Fialho 2010): `near` makes one decision anew by a neighbouring value, `far` by any value, `several` a few decisions,
    and `cross` joins two parents.

    Credit is given for what a child is and not for what was done to get it, so that the trials of an interrupted study
    teach the same when they are told again: a child without any decision that is new to the population counts as a
    cross, of others the decisions that differ from the nearest member tell the step.
    """

    NAMES = ("near", "far", "several", "cross")

    def __init__(self, vary: Vary, knobs: Collection[Knob], rng: np.random.Generator) -> None:
        self._vary = vary
        self._knobs = {knob.name: knob for knob in knobs}
        self._rng = rng
        # Each begins as if half of a few tries had been a success.
        self._tries = dict.fromkeys(self.NAMES, 4.0)
        self._successes = dict.fromkeys(self.NAMES, 2.0)

    def probabilities(self) -> Mapping[str, float]:
        """How often each operator is chosen."""
        rates = {name: self._successes[name] / self._tries[name] for name in self.NAMES}
        share, total = 1 / len(rates), sum(rates.values())
        return {name: LEAST * share + (1 - LEAST) * rate / total for name, rate in rates.items()}

    def breed(self, parent: Schedule, mate: Schedule) -> Schedule:
        """A child of `parent`, or of both; may be one of them."""
        name = str(self._rng.choice(self.NAMES, p=list(self.probabilities().values())))
        if name == "cross":
            return self._vary.cross(parent, mate)
        changes = 1 + int(self._rng.geometric(0.5)) if name == "several" else 1
        return self._vary.mutate(parent, changes, float(name == "near"))

    def judge(self, trial: Trial, population: Population) -> None:
        """Learn what became of a child, before it joins `population`."""
        child, members = trial.schedule, population.members
        if not members:
            return
        nearest = max(members, key=lambda member: len({*child} & {*member}))
        name = self._name(child, nearest, members)
        self._tries[name] = FADING * self._tries[name] + 1
        self._successes[name] = FADING * self._successes[name] + population.beats(trial, nearest)

    def _name(self, child: Schedule, nearest: Schedule, members: Collection[Schedule]) -> str:
        if not {*child}.difference(*members):
            return "cross"
        old = nearest.values()
        changed = [decision for decision in child if decision not in nearest]
        if len(changed) > 1 or changed[0].knob not in old:
            return "several"
        knob, before = self._knobs[changed[0].knob], old[changed[0].knob]
        return "near" if changed[0].value in knob.neighbours(before) else "far"
