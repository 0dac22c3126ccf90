"""What the decisions so far are worth, for rewards that come before the end of an episode."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..core.schedule import Schedule, Value
from ..protocols import HintedSpace
from ..search.vary import Vary
from .attempts import Attempts, Bench


@dataclass(slots=True)
class Potential:
    """Of a prefix: the logarithm of the speed of the schedule that goes on from it as the space's first hint does.

    With its differences as rewards, an episode earns what its last decision would have earned alone, and the best
    policy is the same (potential-based shaping; Ng, Harada and Russell 1999). Each schedule is tried once.
    """

    bench: Bench
    program: Attempts
    rng: np.random.Generator
    known: dict[Schedule, float | None] = field(default_factory=dict)
    """Objectives of schedules that were tried, None of failures."""

    def of(self, prefixes: Sequence[Schedule], reference: float, before: float = 0.0) -> list[float]:
        """Of prefixes that follow from one another, over the speed of `reference` seconds.

        A failure leaves things as they are: as `before` at first.
        """
        completed = [self._completed(prefix) for prefix in prefixes]
        new = [schedule for schedule in dict.fromkeys(completed) if schedule not in self.known]
        self.known.update(
            (trial.schedule, trial.objective)
            for trial in self.bench.carry_out([(self.program, schedule) for schedule in new])
        )
        potentials, last = [], before
        for schedule in completed:
            objective = self.known[schedule]
            last = last if objective is None else math.log(reference / objective)
            potentials.append(last)
        return potentials

    def _completed(self, prefix: Schedule) -> Schedule:
        space = self.program.space
        hints: Sequence[Mapping[str, Value]] = space.hints() if isinstance(space, HintedSpace) else ()
        return Vary(space, self.rng).repair({**(hints[0] if hints else {}), **prefix.values()})
