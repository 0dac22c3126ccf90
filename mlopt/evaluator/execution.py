"""Measuring by running: check the result, take the time, check again."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..core.errors import UserError
from ..core.fingerprint import cache_bytes
from ..core.statistics import Estimate
from ..core.trial import Measurement
from ..protocols import Array, Program, Workload
from .correctness import Case, aligned, case, empty, poison
from .timing import Timer

UNKNOWN_CACHE = 1 << 26
"""Bytes of the largest cache, where the machine does not tell."""


@dataclass(frozen=True)
class Execution:
    """Runs programs on this machine."""

    seed: int = 0
    """Of the inputs."""
    precision: float = 0.01
    """Relative half-width of the 95 % interval at which repetition ends."""
    seconds: float = 0.3
    """Time for repetition at most."""
    inputs: str = "warm"
    """`warm`: every call reads the same buffers, as in a loop; `rotated`: other ones, too many for the caches."""

    def __post_init__(self) -> None:
        for name in ("precision", "seconds"):
            if not getattr(self, name) > 0:
                raise UserError(f"evaluator.{name}={getattr(self, name)} must be positive")
        if self.inputs not in ("warm", "rotated"):
            raise UserError(f"evaluator.inputs={self.inputs!r} must be one of: warm, rotated")

    @property
    def executes(self) -> bool:
        return True

    @property
    def preload(self) -> tuple[str, ...]:
        return ("numpy", "scipy.stats", __name__)

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        kernel = program.load()
        outputs = [empty(spec) for spec in workload.outputs]
        first, second, fresh = (case(workload, self.seed, number) for number in range(3))
        second.check(kernel, outputs)
        first.check(kernel, outputs)
        for output in outputs:
            poison(output)
        calls = [kernel.bind(inputs, outputs) for inputs in self._input_sets(first)]
        samples = Timer(self.precision, self.seconds).samples(calls, kernel.overhead(), best)
        first.compare(outputs)
        kernel.rest()
        fresh.check(kernel, outputs)
        estimate = Estimate.of(samples)
        return Measurement(
            seconds=estimate.seconds,
            samples=tuple(samples),
            metrics={"precision": estimate.precision, "flops_per_second": workload.flops / estimate.seconds},
        )

    def _input_sets(self, case: Case) -> list[tuple[Array, ...]]:
        """One set of inputs to be found in the caches, or as many as it takes for none to be."""
        if self.inputs == "warm":
            return [case.inputs]
        cache = max(cache_bytes().values(), default=UNKNOWN_CACHE)
        copies = math.ceil(2 * cache / max(1, sum(array.nbytes for array in case.inputs)))
        return [case.inputs, *(tuple(aligned(a) for a in case.inputs) for _ in range(copies))]
