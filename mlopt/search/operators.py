"""Which way of making new schedules pays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..core.schedule import Schedule
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
    """

    NAMES = ("near", "far", "several", "cross")

    def __init__(self, vary: Vary, rng: np.random.Generator) -> None:
        self._vary = vary
        self._rng = rng
        # Each begins as if half of a few tries had been a success.
        self._tries = dict.fromkeys(self.NAMES, 4.0)
        self._successes = dict.fromkeys(self.NAMES, 2.0)

    def probabilities(self) -> Mapping[str, float]:
        """How often each operator is chosen."""
        rates = {name: self._successes[name] / self._tries[name] for name in self.NAMES}
        share, total = 1 / len(rates), sum(rates.values())
        return {name: LEAST * share + (1 - LEAST) * rate / total for name, rate in rates.items()}

    def breed(self, parent: Schedule, mate: Schedule) -> tuple[Schedule, str]:
        """A child of `parent`, or of both, and the operator's name; may be one of them."""
        name = str(self._rng.choice(self.NAMES, p=list(self.probabilities().values())))
        if name == "cross":
            return self._vary.cross(parent, mate), name
        changes = 1 + int(self._rng.geometric(0.5)) if name == "several" else 1
        return self._vary.mutate(parent, changes, float(name == "near")), name

    def judge(self, trial: Trial, operator: str, population: Population) -> None:
        """Learn what became of a child that `operator` bred, before it joins `population`.

        It is a success when it is better than the member that is most like it.
        """
        if members := population.members:
            nearest = max(members, key=lambda member: len({*trial.schedule} & {*member}))
            self._tries[operator] = FADING * self._tries[operator] + 1
            self._successes[operator] = FADING * self._successes[operator] + population.beats(trial, nearest)
