"""One trial, as a worker carries it out: check, build, verify, measure, verify again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from .core.cpu_time import cpu_seconds
from .core.errors import Tampered, UserError, summary
from .core.recorded import RecordedProgram
from .core.schedule import Schedule
from .core.trial import Failed, Measurement, Status, Trial
from .evaluator.stillness import is_still
from .evaluator.surroundings import unchanged
from .evaluator.timing import of_a_device, on_the_wall, take
from .executor import accelerator, clock, device
from .executor.retirement import Retirement, Unfit
from .judging import judged, most_threads
from .protocols import (
    Backend,
    BoundedEvaluator,
    DeviceBackend,
    Evaluator,
    HashedProgram,
    Program,
    ScreeningEvaluator,
    Workload,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a trial, for its line in the log."""

    status: Status
    measurement: Measurement = field(default_factory=Measurement)
    compile_seconds: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    started: str = ""
    finished: str = ""
    code: str = ""
    """A hash of the machine code, '' where nobody knows it."""
    cached: bool = False
    """Whether it was known before; of a `TrialWork` itself: that its code was, and nothing else is said here."""


@dataclass(frozen=True, slots=True)
class TrialWork:
    """Build one schedule's program and evaluate it; picklable.

    Raises UserError, which no other schedule mends: it ends the study; and Unfit where an earlier kernel goes on in
    this process. All else that is raised becomes a status, after which the process retires if this kernel goes on in
    it, or has changed it.
    """

    workload: Workload
    backend: Backend
    evaluator: Evaluator
    schedule: Schedule
    best: float | None
    """The objective to beat so far."""
    known: frozenset[str] = frozenset()
    """Hashes of machine code that need not be measured again."""

    def __call__(self) -> Outcome:
        if self.evaluator.executes and not is_still():
            raise Unfit
        started = now()
        code = ""
        seconds = _Stopwatch()
        metrics: dict[str, float] = {}
        workload = judged(self.workload, self.backend) if self.evaluator.executes else self.workload
        try:
            with device.shared():
                with clock.stopped():  # the first time in a worker it takes as long as it takes
                    self.evaluator.prepare(workload)
                with self._watched(), seconds:
                    program = self.backend.build(self.workload, self.schedule)
                    metrics.update(self._screen(program))
                    measurement = Measurement() if "estimated_seconds" in metrics else None
                    if self.evaluator.executes and measurement is None:
                        program.load()
                if isinstance(program, HashedProgram) and self.evaluator.executes and measurement is None:
                    code = program.code_digest()
                if isinstance(program, RecordedProgram):
                    seconds.total = program.trial.compile_seconds
            metrics.update({f"{stage}_seconds": taken for stage, taken in program.stage_seconds.items()})
            if code in self.known:
                return Outcome(Status.OK, Measurement(), seconds.total, metrics, "", started, now(), code, cached=True)
            if measurement is None:
                with self._right():
                    measurement = _finite(self._bounded().evaluate(program, workload, self.best))
        except UserError:
            raise
        except Exception as error:  # the one place where an exception becomes a status
            message = str(error) if isinstance(error, Failed) else summary(error)
            outcome = Outcome(Status.of(error), Measurement(), seconds.total, metrics, message, started, now(), code)
            # Whoever is timed next would be timed beside it, or by what it has changed.
            if self.evaluator.executes and (isinstance(error, Tampered) or not is_still()):
                raise Retirement(outcome) from None
            return outcome
        metrics.update(measurement.metrics)
        return Outcome(Status.OK, measurement, seconds.total, metrics, "", started, now(), code)

    def _watched(self) -> AbstractContextManager[None]:
        """Whether what is loaded, and so may run code of its own for the first time, changes this process.

        A device's kernels may be compiled by a process that lives on, and are watched when they run.
        """
        watched = self.evaluator.executes and not isinstance(self.backend, DeviceBackend)
        return unchanged() if watched else nullcontext()

    def _right(self) -> AbstractContextManager[None]:
        """To what the evaluation needs: where it takes time, to its device alone."""
        return _alone(self.backend) if self.evaluator.executes else device.shared()

    def _bounded(self) -> Evaluator:
        """The evaluator, which knows how many threads the backend's kernels have, where these are counted."""
        evaluator = self.evaluator
        return evaluator.bounded(most_threads(self.backend)) if isinstance(evaluator, BoundedEvaluator) else evaluator

    def _screen(self, program: Program) -> Mapping[str, float]:
        """What is known without running the program."""
        if not isinstance(self.evaluator, ScreeningEvaluator):
            return {}
        return _finite(Measurement(metrics=self.evaluator.screen(program, self.workload, self.best))).metrics


def _alone(backend: Backend) -> AbstractContextManager[None]:
    """The right to take time where its programs run."""
    return _used(backend) if isinstance(backend, DeviceBackend) else device.alone()


@contextmanager
def _used(backend: DeviceBackend) -> Iterator[None]:
    """Have one of the backend's devices alone."""
    with accelerator.one_of(backend.devices()) as name:
        backend.use(name)
        yield


def trial_of(future: Future[Outcome], number: int, schedule: Schedule, submitted: str) -> Trial:
    """The trial that a finished future stands for, whether its worker lived or was lost. Raises UserError."""
    error = future.exception()
    if isinstance(error, UserError):  # what no trial can mend, such as a worker that cannot import a module
        raise error
    if error is None:
        outcome = future.result()
    else:
        outcome = Outcome(Status.of(error), error=f"{error}", started=submitted, finished=now())
    return Trial(
        trial=number,
        schedule=schedule,
        status=outcome.status,
        seconds=outcome.measurement.seconds,
        samples=outcome.measurement.samples,
        compile_seconds=outcome.compile_seconds,
        metrics=outcome.metrics,
        cached=outcome.cached,
        error=outcome.error,
        started=outcome.started,
        finished=outcome.finished,
        code=outcome.code,
    )


def _finite(found: Measurement) -> Measurement:
    if not all(map(math.isfinite, (found.seconds or 0.0, *found.samples, *found.metrics.values()))):
        raise ValueError("the evaluator's numbers are not finite")
    return found


class _Stopwatch:
    """The CPU seconds spent in it, by this thread and by processes that it waited for.

    Not the seconds on the wall, since whoever takes time stops us meanwhile. `total` is None unless the stopwatch was
    left in good order.
    """

    total: float | None = None

    def __enter__(self) -> None:
        self._start = cpu_seconds()

    def __exit__(self, kind: object, *error: object) -> None:
        if kind is None:
            self.total = cpu_seconds() - self._start


@dataclass(frozen=True, slots=True)
class Naive:
    """Time one call of the naive program, in seconds; a first estimate for whoever watches."""

    workload: Workload
    backend: Backend

    def __call__(self) -> float:
        with device.shared():
            kernel = self.backend.build(self.workload, None).load()
        inputs = self.workload.inputs(np.random.default_rng(0), "normal")
        call = kernel.bind(inputs, [np.empty(spec.shape, spec.dtype) for spec in self.workload.outputs])
        on_device, turns = isinstance(self.backend, DeviceBackend), itertools.cycle([call])
        with _alone(self.backend):
            if on_device:  # its first launch is late, since it loads the kernel
                take(turns, 1)
            return take(turns, 1, clock=of_a_device if on_device else on_the_wall)


@dataclass(frozen=True, slots=True)
class Export:
    """Write a schedule's program and what is needed to run it without mlopt into `directory`."""

    workload: Workload
    backend: Backend
    schedule: Schedule
    directory: Path

    def __call__(self) -> None:
        with device.shared():
            self.backend.export(self.workload, self.schedule, self.directory)


def now() -> str:
    """The time of day, as logs have it: UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
