"""The study: one loop around a search, its trial log, and the result at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from . import result
from .core.errors import UserError, WrongResult, summary
from .core.fingerprint import fingerprint
from .core.schedule import Schedule
from .core.trial import Status, Trial
from .executor.worker import Worker
from .finals.contender import Contender, KernelContender
from .finals.interleaved import measure
from .finals.pytorch import PytorchContender
from .finals.selection import finalists
from .limit import Limit
from .protocols import (
    AccountableSearch,
    Backend,
    Brief,
    Budget,
    Evaluator,
    Executor,
    ExplainedBackend,
    ObjectivesSearch,
    Roofline,
    Search,
    StudyContext,
    StudyInfo,
    Tracker,
    Workload,
)
from .roofline import DEADLINE_SECONDS, roofline
from .runner import Export, Naive, Outcome, TrialWork, now
from .trackers import Trackers
from .trial_log import TrialLog

R = TypeVar("R")

FINALISTS = 5
EXPORT_SECONDS = 60.0

HARDWARE = ("cpu", "machine", "cores", "caches", "memory_bytes")
"""Of the fingerprint, what is no software."""


class NoValidSchedule(Exception):
    """Not one trial of the study was valid."""


class Study:
    """Searches the schedules of one workload within a budget, and keeps every trial."""

    def __init__(
        self,
        workload: Workload,
        backend: Backend,
        search: Search,
        evaluator: Evaluator,
        executor: Executor,
        trackers: Sequence[Tracker],
        budget: Budget,
        seed: int,
        info: StudyInfo,
    ) -> None:
        self.workload = workload
        self.backend = backend
        self.search = search
        self.evaluator = evaluator
        self.executor = executor
        self.trackers = Trackers(trackers)
        self.budget = budget
        self.seed = seed
        self.info = info
        self.trials: list[Trial] = []
        self.best: Trial | None = None
        self._limit = Limit(workload, self._measure_roofline)

    def run(self) -> dict[str, Any]:
        """Run to the end of the budget or of the space; returns the content of `result.json`.

        Raises NoValidSchedule when no trial is ok. Ctrl-C and a mistake that shows on the way (UserError) end the
        study, too; they are raised once the best so far is written.
        """
        started = time.monotonic()
        found: dict[str, Any] | None = None
        ended: KeyboardInterrupt | UserError | None = None
        self.info.directory.mkdir(parents=True, exist_ok=True)
        try:
            self.trackers.start(self.info)
            try:
                self._search()
                comparison = self._compare()
            except (KeyboardInterrupt, UserError) as error:
                if isinstance(error, UserError) and not self.trials:
                    raise
                ended = error
                comparison = {"best": result.provisional(self.best) if self.best else None, "interrupted": True}
            found = result.describe(
                self.info,
                self.workload,
                self.backend,
                self.evaluator,
                self.seed,
                self.trials,
                time.monotonic() - started,
            )
            found.update(comparison)
            if isinstance(self.search, ObjectivesSearch) and self.search.objectives:
                found["pareto"] = result.pareto(self.trials, self.search.objectives)
            result.write(self.info.directory, found)
            if found["best"]:
                self._export(found)
        finally:
            self.trackers.finish(found)
        if ended is not None:
            raise ended
        if found["best"] is None:
            if not self.trials and self.budget.seconds is not None:
                raise NoValidSchedule(f"budget.seconds={self.budget.seconds:g} ended before the first trial did")
            reasons = (*found.get("lost", {}).values(), *(trial.error for trial in self.trials))
            first = next(filter(None, reasons), "only estimated" if self.trials else "the search proposed nothing")
            raise NoValidSchedule(f"none of {len(self.trials)} trials was valid; the first: {first}")
        return found

    def _search(self) -> None:
        """Spend the budget."""
        space = self.backend.space(self.workload)
        with contextlib.closing(TrialLog(self.info.directory)) as log, contextlib.closing(self.executor):
            self.executor.start((*self.backend.preload, *self.evaluator.preload, "mlopt.runner"))
            self.search.start(space, self._context())
            if self.evaluator.executes:
                with contextlib.suppress(Exception):  # the finals try again, and say why there is none
                    self._limit.roofline = self._measure_roofline(float("inf"))
            self._loop(log)

    def _context(self) -> StudyContext:
        return StudyContext(
            rng=np.random.default_rng(self.seed),
            budget=self.budget,
            slots=self.executor.slots,
            brief=self._brief,
            directory=self.info.directory,
            say=self.trackers.note,
        )

    def _brief(self) -> Brief:
        """For searches that read what others compute."""
        backend, workload = self.backend, self.workload
        return Brief(
            workload=result.describe_workload(self.info, workload),
            program=backend.explain(workload) if isinstance(backend, ExplainedBackend) else "",
            machine={key: value for key, value in fingerprint().items() if key in HARDWARE},
            threads=backend.thread_count,
            flops=workload.flops,
            bytes=workload.bytes,
            roofline=self._limit.roofline,
        )

    def _loop(self, log: TrialLog) -> None:
        """Ask for as many schedules as there are free slots, wait for the first to complete, log it, tell, track."""
        pending: dict[Future[Outcome], tuple[int, Schedule, str]] = {}
        doubted: set[int] = set()

        def submit(number: int, schedule: Schedule) -> None:
            work = TrialWork(self.workload, self.backend, self.evaluator, schedule, self._to_beat())
            pending[self.executor.submit(work, self.budget.trial_seconds)] = number, schedule, now()

        self._time_naive()
        end = time.monotonic() + (float("inf") if self.budget.seconds is None else self.budget.seconds)
        asked = 0
        while time.monotonic() < end:
            free = min(self.executor.slots - len(pending), self.budget.trials - asked)
            proposed = self.search.ask(free) if free > 0 else ()
            if len(proposed) > free:
                raise UserError(f"the search proposed {len(proposed)} schedules where {free} were asked for")
            for schedule in proposed:
                submit(asked, schedule)
                asked += 1
            if not pending:
                return
            left = None if self.budget.seconds is None else max(0.0, end - time.monotonic())
            for future in wait(pending, timeout=left, return_when=FIRST_COMPLETED).done:
                trial = _trial(future, *pending.pop(future))
                if trial.seconds is not None and self._limit.broken(trial.seconds):
                    if trial.trial not in doubted:
                        doubted.add(trial.trial)
                        submit(trial.trial, trial.schedule)
                        continue
                    trial = _rejected(trial, self._limit.error(trial.seconds))
                self._finish(trial, log)

    def _time_naive(self) -> None:
        """Begin to time the naive program once, for the trackers to see progress against."""

        def show(future: Future[float]) -> None:
            if future.exception() is None:
                self.trackers.baseline("naive", future.result())

        if self.evaluator.executes:
            self.executor.submit(Naive(self.workload, self.backend), self.budget.trial_seconds).add_done_callback(show)

    def _finish(self, trial: Trial, log: TrialLog) -> None:
        roofline = self._limit.roofline
        if roofline is not None and trial.seconds is not None:
            share = roofline.seconds(self.workload.flops, self.workload.bytes) / trial.seconds
            trial = replace(trial, metrics={**trial.metrics, "roofline": share})
        if isinstance(self.search, AccountableSearch):
            origin, spent = self.search.account(trial.schedule)
            trial = replace(trial, origin=origin, metrics={**trial.metrics, **spent})
        log.append(trial)
        self.trials.append(trial)
        to_beat = self._to_beat()
        if trial.reached is not None and (to_beat is None or trial.reached < to_beat):
            self.best = trial
        self.search.tell([trial])
        self.trackers.log(trial)

    def _to_beat(self) -> float | None:
        return None if self.best is None else self.best.reached

    def _compare(self) -> dict[str, Any]:
        """Let the best schedules and the baselines meet, where programs are executed."""
        if self.best is None:
            return {}
        if not self.evaluator.executes:
            return {"best": result.provisional(self.best)}
        chosen = {f"trial {trial.trial}": trial for trial in finalists(self.trials, FINALISTS)}
        schedules: dict[str, Schedule | None] = {name: trial.schedule for name, trial in chosen.items()}
        schedules["naive"] = None
        workload, inputs = self.workload, self.evaluator.inputs
        contenders: list[Contender] = [
            *(KernelContender(name, self.backend, workload, schedule, inputs) for name, schedule in schedules.items()),
            *(PytorchContender(workload, self.backend.thread_count, compiled, inputs) for compiled in (False, True)),
        ]
        courses, absent = measure(contenders, np.random.default_rng(self.seed))
        roof = None
        try:
            fastest = min((course.estimate.seconds for course in courses.values()), default=float("inf"))
            self._limit.roofline = roof = self._measure_roofline(fastest)
        except Exception as error:  # a yardstick is missing, the result is not
            absent["roofline"] = error
        for name in chosen.keys() & courses.keys():
            if self._limit.broken(seconds := courses[name].estimate.seconds):
                absent[name] = self._limit.error(seconds)
                del courses[name]
        return result.final(chosen, courses, absent, roof, self.workload)

    def _measure_roofline(self, fastest: float) -> Roofline:
        """The machine's roofline, unless `fastest` seconds prove it too low."""
        return roofline(self.backend, lambda work: self._aside(work, DEADLINE_SECONDS), self.workload, fastest)

    def _export(self, found: dict[str, Any]) -> None:
        """Write `best/`."""
        directory, schedule = self.info.directory / "best", Schedule.of(found["best"]["schedule"])
        self._aside(Export(self.workload, self.backend, schedule, directory), EXPORT_SECONDS)
        result.complete_record(directory, found)

    def _aside(self, work: Callable[[], R], deadline_seconds: float) -> R:
        """Do `work` of the backend in a worker of its own: compilers stay out of this process."""
        with contextlib.closing(Worker(self.backend.preload)) as worker:
            return worker.run(work, deadline_seconds)


def _rejected(trial: Trial, error: WrongResult) -> Trial:
    """The trial as one whose kernel was found wrong."""
    return replace(trial, status=Status.of(error), seconds=None, samples=(), metrics={}, error=summary(error))


def _trial(future: Future[Outcome], number: int, schedule: Schedule, submitted: str) -> Trial:
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
        error=outcome.error,
        started=outcome.started,
        finished=outcome.finished,
    )
