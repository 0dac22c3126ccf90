"""Executing only what a cheap evaluator finds promising, and timing well only what turns out to be fast.

The asynchronous form of successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys
2020): nobody waits for a batch. A program goes on to the next rung when it is among the best `1 / reduction` of those
that this process has lately seen on the rung below: by cost to be executed at all, then by a time that was taken with
little effort, a little more, and in full.
"""

from __future__ import annotations

import functools
import statistics
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.errors import UserError
from ..core.trial import Measurement
from ..protocols import Evaluator, Inputs, Program, Workload
from .execution import Execution

RUNGS = 3
"""Efforts of timing; each is REDUCTION times the one before."""

MEMORY = 64
"""Programs of each rung that a new one is compared with: where a search has gone on, what it began with says little."""


@dataclass(frozen=True)
class Cascade:
    """Screens programs by `cheap`, whose measurements have a `cost`, and executes the promising ones by `exact`."""

    cheap: Evaluator
    exact: Execution
    reduction: float = 4.0
    """One in so many programs goes on to the next rung."""

    def __post_init__(self) -> None:
        if not self.reduction > 1:
            raise UserError(f"evaluator.reduction={self.reduction} must be above 1")
        if self.cheap.executes:
            raise UserError("evaluator.cheap must be an evaluator that executes nothing, such as simulation")

    @property
    def executes(self) -> bool:
        return True

    @property
    def inputs(self) -> Inputs:
        return self.exact.inputs

    @property
    def preload(self) -> tuple[str, ...]:
        return (__name__, *self.cheap.preload, *self.exact.preload)

    def identity(self) -> Mapping[str, Any]:
        cheap = f"{type(self.cheap).__module__}.{type(self.cheap).__qualname__}"
        return {"exact": self.exact.identity(), "reduction": self.reduction, "cheap": cheap}

    def prepare(self, workload: Workload) -> None:
        self.cheap.prepare(workload)
        self.exact.prepare(workload)

    def screen(self, program: Program, workload: Workload, best: float | None) -> Measurement | None:
        """What is known of a program that need not be executed; None for one that should be.

        Its `estimated_seconds` are its cost, by what executed programs took for theirs, and never below the fastest of
        them: what was not executed is no better than what was. Until one has been, all are.
        """
        record, cost = _record(self, workload), self._cost(program, workload, best)
        promising = record.costs.promising(cost, self.reduction)
        if promising or not record.executed:
            record.passed = program, cost
            return None
        rate = statistics.median(seconds / cost for cost, seconds in record.executed)
        least = min(seconds for _, seconds in record.executed)
        estimate = max(rate * cost, least)
        return Measurement(metrics={"cost": cost, "estimated_seconds": estimate})

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        record = _record(self, workload)
        (passed, cost), record.passed = record.passed, (None, 0.0)
        if passed is not program:
            cost = self._cost(program, workload, best)
        found = None
        for rung, times in enumerate(record.rungs):
            effort = self.reduction ** (rung + 1 - RUNGS)
            exact = replace(
                self.exact, seconds=effort * self.exact.seconds, precision=self.exact.precision / effort**0.5
            )
            found = exact.evaluate(program, workload, best)
            assert found.seconds is not None
            if not times.promising(found.seconds, self.reduction):
                break
        assert found is not None
        assert found.seconds is not None
        record.executed.append((cost, found.seconds))
        return replace(found, metrics={**found.metrics, "cost": cost})

    def _cost(self, program: Program, workload: Workload, best: float | None) -> float:
        cost = self.cheap.evaluate(program, workload, best).metrics.get("cost")
        if cost is None:
            raise UserError("evaluator.cheap tells no cost of programs: choose another one, such as simulation")
        if not cost > 0:  # of this program; others may be sound
            raise ValueError(f"evaluator.cheap says that a call costs {cost}")
        return cost


@dataclass
class _Seen:
    """What programs came to on one rung."""

    values: deque[float] = field(default_factory=lambda: deque(maxlen=MEMORY))

    def promising(self, value: float, reduction: float) -> bool:
        """Whether `value`, noted from here on, is among the lowest `1 / reduction` of these, itself included."""
        self.values.append(value)
        return bisect_left(sorted(self.values), value) < len(self.values) / reduction


@dataclass
class _Record:
    """What one cascade has seen of one workload in this process."""

    costs: _Seen = field(default_factory=_Seen)
    rungs: Sequence[_Seen] = field(default_factory=lambda: [_Seen() for _ in range(RUNGS)])
    executed: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MEMORY))
    """Cost and seconds."""
    passed: tuple[Program | None, float] = None, 0.0
    """The program that was screened last and is to be executed, and its cost, which is not asked for again while the
    device is held."""


@functools.lru_cache(maxsize=8)
def _record(cascade: Cascade, workload: Workload) -> _Record:
    """This process's; a worker that is replaced begins anew."""
    return _Record()
