"""One schedule timed as a trial does, and by a fixed number of repetitions, on the same code and buffers."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass

import numpy as np

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.cores import pinned
from mlopt.core.schedule import Schedule
from mlopt.core.statistics import Estimate
from mlopt.evaluator.correctness import empty
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.timing import Timer, calls_per_sample, take
from mlopt.executor import device
from mlopt.protocols import Workload

REPETITIONS = 50
PASSES = 3
"""Of REPETITIONS each, which together are taken for the truth."""


@dataclass(frozen=True, slots=True)
class Effort:
    """The work of timing one schedule as a trial does, and by fixed repetitions, in either order."""

    workload: Workload
    schedule: Schedule
    best: float | None
    trial_first: bool

    def __call__(self) -> dict[str, float]:
        kernel = Mlir().build(self.workload, self.schedule).load()
        inputs = self.workload.inputs(np.random.default_rng(0), "normal")
        call = kernel.bind(inputs, [empty(spec) for spec in self.workload.outputs])
        evaluator = Execution()
        timer, overhead = Timer(evaluator.precision, evaluator.seconds), kernel.overhead()
        turns = itertools.cycle([call])

        def fixed() -> list[float]:
            repeat = calls_per_sample(take(turns, 1))
            return [take(turns, repeat, overhead) for _ in range(REPETITIONS)]

        ways = {"trial": lambda: timer.samples([call], overhead, self.best), "fixed": fixed}
        found: dict[str, float] = {}
        with device.alone(), pinned():
            timer.samples([call], overhead)  # so that neither way is the first to run
            for way in sorted(ways, reverse=self.trial_first):
                start = time.perf_counter()
                found[way] = Estimate.of(ways[way]()).seconds
                found[f"{way} took"] = time.perf_counter() - start
            found["truth"] = Estimate.of([sample for _ in range(PASSES) for sample in fixed()]).seconds
            kernel.rest()
        return found
