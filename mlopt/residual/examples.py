"""What a residual is learned from: the programs of trials, simulated once more, and the times that they took."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..core.errors import CompileError, InvalidSchedule, UserError
from ..core.schedule import Schedule
from ..core.trial import Trial, WorkerLost
from ..executor.worker import Worker
from ..protocols import Backend, FeaturedProgram, TargetedBackend, Workload

DEADLINE_SECONDS = 60.0
"""For building one program."""

LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Description:
    """What a program says of itself."""

    target: str
    cost: float
    """Seconds."""
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Example:
    """A measured program."""

    program: str
    """The workload and its sizes."""
    threads: int
    about: Description
    seconds: float

    @property
    def residual(self) -> float:
        """The logarithm of measured over simulated seconds."""
        return math.log(self.seconds / self.about.cost)


@dataclass(frozen=True, slots=True)
class Describe:
    """Build a program up to its IR; picklable. Raises what `Backend.build` raises."""

    workload: Workload
    backend: Backend
    schedule: Schedule

    def __call__(self) -> Description:
        program = self.backend.build(self.workload, self.schedule)
        if not isinstance(program, FeaturedProgram):
            raise UserError(f"{type(self.backend).__name__} does not describe its programs; choose studies of mlir")
        return Description(program.simulated_on, program.simulate()["cost"], program.ir_features())


def examples(workload: Workload, backend: Backend, trials: Iterable[Trial], worker: Worker) -> Iterator[Example]:
    """The trials that were timed on this machine, whose programs `worker` builds once more.

    One that cannot be built any more is left out. Raises UserError for a backend whose programs are not described, or
    are for another machine.
    """
    if isinstance(backend, TargetedBackend) and not backend.native:
        raise UserError("its programs are for another target, and were never timed")
    program = _name(workload)
    for trial in trials:
        if not trial.ok or trial.seconds is None or trial.seconds <= 0.0:
            continue
        try:
            about = worker.run(Describe(workload, backend, trial.schedule), DEADLINE_SECONDS)
        except (InvalidSchedule, CompileError, WorkerLost):
            continue
        if about.cost > 0.0:
            yield Example(program, backend.thread_count, about, trial.seconds)


def _name(workload: Workload) -> str:
    """It, its parameters and its operands' sizes, cut to a line's length."""
    parameters = [f"{key}={value}" for key, value in workload.parameters.items()]
    sizes = ["x".join(map(str, spec.shape)) for spec in workload.operands]
    return " ".join([workload.name, *parameters, *sizes])[:LONGEST_NAME]
