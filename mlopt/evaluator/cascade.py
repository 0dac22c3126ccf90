"""Executing only what a cheap evaluator finds promising, and timing well only what turns out to be fast.

The asynchronous form of successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys
2020): nobody waits for a batch. A program goes on to the next rung when it is among the best `1 / reduction` of those
that the study has lately seen on the rung below: by cost to be executed at all, then by what is known of its time after
little effort, after a little more, and in full. All this is within one trial: a program is verified once.
"""

from __future__ import annotations

import itertools
import statistics
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from ..core.errors import UserError
from ..core.trial import Measurement, Trial
from ..protocols import (
    BoundedEvaluator,
    CalibratedEvaluator,
    Calibration,
    Evaluator,
    IdentifiedEvaluator,
    Inputs,
    Program,
    TrainedEvaluator,
    Workload,
)
from .execution import Execution
from .timing import Gate

RUNGS = 3
"""Efforts of timing; each is REDUCTION times the one before."""

MEMORY = 64
"""Programs that a new one is compared with: where a search has gone on, what it began with says little."""


@dataclass(frozen=True)
class Cascade:
    """Screens programs by `cheap`, whose measurements have a `cost`, and judges the promising ones by `exact`."""

    cheap: Evaluator
    exact: Evaluator
    reduction: float = 4.0
    """One in so many programs goes on to the next rung."""

    def __post_init__(self) -> None:
        if not self.reduction > 1:
            raise UserError(f"evaluator.reduction={self.reduction} must be above 1")
        if self.cheap.executes:
            raise UserError("evaluator.cheap must be an evaluator that executes nothing, such as simulation")

    @property
    def executes(self) -> bool:
        return self.exact.executes

    @property
    def inputs(self) -> Inputs:
        return self.exact.inputs

    @property
    def preload(self) -> tuple[str, ...]:
        return (__name__, *self.cheap.preload, *self.exact.preload)

    @property
    def training(self) -> Mapping[str, Any] | None:
        return self.cheap.training if isinstance(self.cheap, TrainedEvaluator) else None

    def identity(self) -> Mapping[str, Any]:
        return {"reduction": self.reduction, "cheap": _identity(self.cheap), "exact": _identity(self.exact)}

    @property
    def measured(self) -> bool:
        return isinstance(self.cheap, CalibratedEvaluator) and self.cheap.measured

    def calibrated(self, calibration: Calibration) -> Self:
        cheap = self.cheap
        return replace(self, cheap=cheap.calibrated(calibration)) if isinstance(cheap, CalibratedEvaluator) else self

    def bounded(self, threads: int | None) -> Self:
        exact = self.exact
        return replace(self, exact=exact.bounded(threads)) if isinstance(exact, BoundedEvaluator) else self

    def prepare(self, workload: Workload) -> None:
        self.cheap.prepare(workload)
        self.exact.prepare(workload)

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        return self.exact.evaluate(program, workload, best)

    def informed(self, trials: Sequence[Trial]) -> Informed:
        screened = (trial for trial in reversed(trials) if "cost" in trial.metrics)
        costs = [trial.metrics["cost"] for trial in itertools.islice(screened, MEMORY)]
        timed = ((trial.metrics.get("cost"), trial.seconds) for trial in reversed(trials))
        executed = ((cost, seconds) for cost, seconds in timed if cost is not None and seconds is not None)
        return Informed(**vars(self), costs=tuple(sorted(costs)), executed=tuple(itertools.islice(executed, MEMORY)))


@dataclass(frozen=True, kw_only=True)
class Informed(Cascade):
    """A cascade that knows what the study has lately seen."""

    costs: tuple[float, ...]
    """Of the programs that were screened, in rising order."""
    executed: tuple[tuple[float, float], ...]
    """Cost and seconds of those that were executed."""

    def screen(self, program: Program, workload: Workload, best: float | None) -> Mapping[str, float]:
        """`cost`, and `estimated_seconds` of a program that need not be executed.

        These are its cost, by what executed programs took for theirs, and never below the best: what was not executed
        is no better than what was. Until a program has been executed, all are.
        """
        cost = self.cheap.evaluate(program, workload, best).metrics.get("cost")
        if cost is None:
            raise UserError("evaluator.cheap tells no cost of programs: choose another one, such as simulation")
        if not cost > 0:  # of this program; others may be sound
            raise ValueError(f"evaluator.cheap says that a call costs {cost}")
        promising = bisect_left(self.costs, cost) < (len(self.costs) + 1) / self.reduction
        if promising or best is None or not self.executed:
            return {"cost": cost}
        rate = statistics.median(seconds / cost for cost, seconds in self.executed)
        return {"cost": cost, "estimated_seconds": max(rate * cost, best)}

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        """What `exact` says, which takes no more time than the program deserves."""
        exact = self.exact
        if not isinstance(exact, Execution) or not self.executed:
            return exact.evaluate(program, workload, best)
        return exact.time(program, workload, best, [self._gate(exact, rung) for rung in range(1, RUNGS)])

    def _gate(self, exact: Execution, rung: int) -> Gate:
        """Between a rung and the next one: as many pass as are to be timed so well, of all that were executed."""
        effort = self.reduction ** (rung - RUNGS)
        seconds = sorted(seconds for _, seconds in self.executed)
        limit = seconds[int(len(seconds) * self.reduction**-rung)]
        return Gate(effort * exact.seconds, exact.precision / effort**0.5, limit / seconds[0])


def _identity(evaluator: Evaluator) -> Mapping[str, Any]:
    settings = evaluator.identity() if isinstance(evaluator, IdentifiedEvaluator) else {}
    return {"class": f"{type(evaluator).__module__}.{type(evaluator).__qualname__}", **settings}
