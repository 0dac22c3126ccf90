"""Measuring by running: check the result, take the time, check again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np

from ..core.errors import UserError
from ..core.statistics import Estimate
from ..core.trial import Measurement
from ..protocols import Inputs, Program, Workload
from .correctness import FRESH, OTHER, TIMED, Case, case, empty, unseen
from .rotation import set_count
from .stillness import demand_stillness, is_still
from .surroundings import unchanged
from .timing import Timer
from .watch import Watch

AFFORDABLE_SECONDS = 0.25
"""A reference that took longer is not made for a kernel alone, but in the finals."""


@dataclass(frozen=True)
class Execution:
    """Runs programs on this machine."""

    seed: int = 0
    """Of the inputs."""
    precision: float = 0.01
    """Relative half-width of the 95 % interval at which repetition ends."""
    seconds: float = 0.3
    """Time for repetition at most."""
    inputs: Inputs = "warm"
    """`warm`: every call reads the same buffers, as in a loop; `rotated`: other ones, too many for the caches (but no
    more than `rotation.MOST_SETS`)."""

    def __post_init__(self) -> None:
        for name in ("precision", "seconds"):
            if not getattr(self, name) > 0:
                raise UserError(f"evaluator.{name}={getattr(self, name)} must be positive")
        if self.inputs not in get_args(Inputs):
            raise UserError(f"evaluator.inputs={self.inputs!r} must be one of: {', '.join(get_args(Inputs))}")

    @property
    def executes(self) -> bool:
        return True

    @property
    def preload(self) -> tuple[str, ...]:
        return ("numpy", "scipy.stats", __name__)

    def prepare(self, workload: Workload) -> None:
        self._cases(workload)

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        with unchanged():
            samples = self._samples(program, workload, best)
        estimate = Estimate.of(samples)
        return Measurement(
            seconds=estimate.seconds,
            samples=tuple(samples),
            metrics={"precision": estimate.precision, "flops_per_second": workload.flops / estimate.seconds},
        )

    def _samples(self, program: Program, workload: Workload, best: float | None) -> list[float]:
        """Seconds of one call, many times over. Raises WrongResult."""
        timed, other, fresh = self._cases(workload)
        outputs = [empty(spec) for spec in workload.outputs]
        rng = np.random.default_rng()  # of no seed, since a kernel could know it
        still = is_still()
        kernel = program.load()
        try:
            other.check(kernel, outputs)
            timed.check(kernel, outputs)
            watch = Watch(workload, kernel, timed, outputs, rng, fresh)
            samples = Timer(self.precision, self.seconds).samples(watch.calls, kernel.overhead(), best, watch)
            watch.verify(fresh)
            fresh.check(kernel, [empty(spec) for spec in workload.outputs])
            leads = best is None or Estimate.of(samples).seconds < best
            if leads and timed.reference_seconds < AFFORDABLE_SECONDS:
                unseen(kernel, workload, rng)()
            if still:
                demand_stillness(kernel, watch.calls[0], outputs)
        finally:
            kernel.rest()
        return samples

    def _cases(self, workload: Workload) -> tuple[Case, Case, Case]:
        timed = case(workload, self.seed, TIMED, set_count(workload, self.inputs))
        return timed, case(workload, self.seed, OTHER), case(workload, self.seed, FRESH)
