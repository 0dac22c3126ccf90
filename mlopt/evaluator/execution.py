"""Measuring by running: check the result, take the time, check again."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np

from ..core.cores import pinned
from ..core.errors import UserError
from ..core.statistics import Estimate
from ..core.trial import Measurement
from ..protocols import Inputs, MonitoredKernel, Program, SizedProgram, Workload
from .correctness import FRESH, OTHER, TIMED, Case, case, empty, far_case, unseen
from .counters import count
from .drift import reference, steady
from .energy import PowerMeter
from .memory import PeakMemory
from .rotation import set_count
from .stillness import calm_down, demand_stillness
from .surroundings import Surroundings, unchanged
from .threads import Threads
from .timing import Clock, ClockedCall, Gate, Timer, calls_per_sample, of_a_device, on_the_wall
from .watch import Watch, watched

AFFORDABLE_SECONDS = 0.25
"""A reference that took longer is not made for a kernel alone, but in the finals."""

CONTENDING = 1.1
"""Times the best: a slower kernel is not checked by repeated calls. If it is among the finalists, it is then."""

PATIENCE_SECONDS = 5.0
"""For what is checked by repeating calls: far within a trial's deadline. Longer calls are repeated in the finals."""


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
    threads: int | None = field(default=None, init=False)
    """CPU threads that a kernel may use, which a trial knows of its backend (`bounded`); None: nobody counts."""
    on_device: bool = field(default=False, init=False)
    """Whether kernels run on a device, which a trial knows of its backend too: its clock is believed then."""

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
        return ("numpy", __name__)

    def identity(self) -> Mapping[str, Any]:
        return {"precision": self.precision, "seconds": self.seconds, "inputs": self.inputs}  # whatever the seed

    def bounded(self, threads: int | None) -> Execution:
        evaluator = copy(self)
        object.__setattr__(evaluator, "threads", threads)
        object.__setattr__(evaluator, "on_device", threads is None)
        return evaluator

    @property
    def _clock(self) -> Clock:
        return of_a_device if self.on_device else on_the_wall

    def prepare(self, workload: Workload) -> None:
        self._cases(workload)
        far_case(workload, self.seed)

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        return self.time(program, workload, best)

    def time(self, program: Program, workload: Workload, best: float | None, gates: Sequence[Gate] = ()) -> Measurement:
        """As `evaluate`, with gates at which timing ends early."""
        timer = Timer(self.precision, self.seconds, gates, self._clock)
        before = Surroundings()
        with unchanged(before):
            samples, seen = self._samples(program, workload, best, timer, before)
        estimate = Estimate.of(samples)
        size = program.code_bytes() if isinstance(program, SizedProgram) else None
        return Measurement(
            seconds=estimate.seconds,
            samples=tuple(samples),
            metrics={
                "precision": estimate.precision,
                "flops_per_second": workload.flops / estimate.seconds,
                **({} if size is None else {"code_bytes": size}),
                **seen,
            },
        )

    def _samples(
        self, program: Program, workload: Workload, best: float | None, timer: Timer, before: Surroundings
    ) -> tuple[Sequence[float], dict[str, float]]:
        """The calls' seconds, and what else the machine tells of a call, by metric.

        Surroundings must be as they were `before`. Raises WrongResult.
        """
        timed, other, fresh = self._cases(workload)
        outputs = [empty(spec) for spec in workload.outputs]
        rng = np.random.default_rng()  # of no seed, since a kernel could know it
        calm_down()
        kernel = program.load()
        try:
            other.check(kernel, outputs)
            timed.check(kernel, outputs)
            threads = Threads(self.threads)
            watch = watched(
                workload, kernel, timed, outputs, rng, fresh.pristine, PATIENCE_SECONDS, threads, self._clock
            )
            with pinned(), unchanged(before):
                samples, seen = self._time(watch, kernel.overhead(), best, timer)
            if isinstance(kernel, MonitoredKernel):
                seen.update(kernel.monitored())
            estimate = Estimate.of(samples)
            watch.verify(fresh, contends=best is None or estimate.low <= CONTENDING * best)
            fresh.check(kernel, [empty(spec) for spec in workload.outputs])
            leads = best is None or estimate.seconds < best
            if leads and (far := far_case(workload, self.seed)) is not None:
                far.check(kernel, [empty(spec) for spec in workload.outputs])
            if leads and watch.bears_repetition and timed.reference_seconds < AFFORDABLE_SECONDS:
                unseen(kernel, workload, rng)()
            demand_stillness(kernel, watch.calls[0], outputs)
        finally:
            kernel.rest()
        return samples, seen

    def _time(
        self, watch: Watch, overhead: float, best: float | None, timer: Timer
    ) -> tuple[Sequence[float], dict[str, float]]:
        """The calls' seconds, and what else the machine tells of a call, by metric."""
        if self.on_device and isinstance(watch.calls[0], ClockedCall):
            # What the CPU does meanwhile says nothing of them.
            return timer.samples(watch.calls, overhead, best, watch), {}
        fixed_work, power = reference(), PowerMeter()
        timings = steady(lambda to_beat: timer.samples(watch.calls, overhead, to_beat, watch), fixed_work, best)
        watts = power.watts()

        def sample() -> int:
            turns = list(itertools.islice(itertools.cycle(watch.calls), calls_per_sample(min(timings.samples))))
            for call in turns:
                call()
            return len(turns)

        memory = PeakMemory()  # not before: to look at what a kernel makes takes memory too
        seen = count(sample)
        if not seen:  # nothing was called
            sample()
        grown = memory.grown()
        seen |= {"drift": timings.drift, "reference_seconds": timings.reference_seconds}
        if watts is not None:
            seen["joules"] = watts * Estimate.of(timings.samples).seconds
        if grown is not None:
            seen["peak_memory_bytes"] = grown
        return timings.samples, seen

    def _cases(self, workload: Workload) -> tuple[Case, Case, Case]:
        timed = case(workload, self.seed, TIMED, set_count(workload, self.inputs))
        return timed, case(workload, self.seed, OTHER), case(workload, self.seed, FRESH)
