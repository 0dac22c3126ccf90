"""The study: one loop around a search, its trial log, and the result at the end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from typing import Any

import numpy as np

from . import result
from .archive.study import StudyArchive
from .aside import aside, export
from .brief import brief
from .core.errors import UserError, WrongResult, summary
from .core.fingerprint import hardware
from .core.schedule import Schedule
from .core.trial import UNVERIFIED, Trial, WorkerDelayed
from .devices import machine, states
from .executor import device
from .executor.inline import Inline
from .finals.meeting import Meeting, meet
from .limit import Limit
from .proposal_log import ProposalLog
from .proposals import Proposals
from .protocols import (
    AccountableSearch,
    Backend,
    Budget,
    CountedSpace,
    Evaluator,
    Executor,
    LearningEvaluator,
    ObjectivesSearch,
    QueueingExecutor,
    RemoteExecutor,
    Roofline,
    Search,
    StudyContext,
    StudyInfo,
    Tracker,
    Workload,
)
from .roofline import DEADLINE_SECONDS, Measure, roofline
from .runner import Naive, Outcome, TrialWork, now, trial_of
from .spending import Spending
from .trackers import Trackers
from .trial_log import TrialLog
from .waiting import Waiting

LATE_SECONDS = 3.0
"""How far beyond the budget others may delay the export of the best."""


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
        resume: bool = False,
        archive: StudyArchive | None = None,
    ) -> None:
        self.workload = workload
        self.backend = backend
        self.search = search
        self.evaluator = evaluator
        self.executor = executor
        self.archive = archive
        self.trackers = Trackers([*trackers, *([archive] if archive else [])])
        self.budget = budget
        self.seed = seed
        self.info = info
        self.resume = resume
        self.trials: list[Trial] = []
        self.best: Trial | None = None
        self._exhausted = False
        """Whether the search had nothing left to propose."""
        self._limit = Limit(workload, self._measure_roofline)
        self._waiting = Waiting(self.trackers.note)

    def run(self) -> dict[str, Any]:
        """Run to the end of the budget or of the space; returns the content of `result.json`.

        With `resume` it goes on with the study in its directory: what was tried is not tried again, what was under way
        is. Raises NoValidSchedule when no trial is ok. Ctrl-C and a mistake that shows on the way (UserError, a full
        disk among them) end the study, too; they are raised once the best so far is written.
        """
        self.info.directory.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as files:
            if self._knows_its_works():
                files.enter_context(self._waiting)
            self._spending = Spending(self.budget, self.search)
            if self.resume:  # before anybody is told of it
                self._open(files)
            return self._run(files)

    def _run(self, files: contextlib.ExitStack) -> dict[str, Any]:
        found: dict[str, Any] | None = None
        ended: KeyboardInterrupt | UserError | None = None
        before = len(self.trials)
        try:
            self.trackers.start(replace(self.info, trials=tuple(self.trials), seconds=self._spending.seconds))
            try:
                self._search(files)
                if self.evaluator.executes:  # soon after the last trial, whatever becomes of the finals
                    result.write(self.info.directory, self._found(self._so_far()))
                comparison = self._compare()
            except (KeyboardInterrupt, UserError) as error:
                if isinstance(error, UserError) and len(self.trials) == before:
                    raise
                ended = error
                comparison = self._so_far()
            found = self._found(comparison)
            try:
                result.write(self.info.directory, found)
                if found["best"]:
                    self._export(found)
            except UserError as error:  # of a full disk, too: what was found is shown all the same
                ended = ended or error
        finally:
            self.trackers.finish(found)
        if ended is not None:
            raise ended
        if found["best"] is None:
            if not self.trials and self.budget.seconds is not None:
                raise NoValidSchedule(f"budget.seconds={self.budget.seconds:g} ended before the first trial did")
            if lost := found.get("lost"):
                raise NoValidSchedule(
                    f"none of the {len(lost)} fastest of {len(self.trials)} trials came out right in the finals; "
                    f"the first: {next(iter(lost.values()))}"
                )
            reasons = (trial.error for trial in self.trials)
            first = next(filter(None, reasons), "only estimated" if self.trials else "the search proposed nothing")
            raise NoValidSchedule(f"none of {len(self.trials)} trials was valid; the first: {first}")
        return found

    def _open(self, files: contextlib.ExitStack) -> None:
        """Open what the study keeps, until `files` are closed, and take up what it has kept already."""
        directory = self.info.directory
        here = machine(hardware(), states(self.backend) if self.evaluator.executes else ())
        self._log = files.enter_context(contextlib.closing(TrialLog(directory, self.resume)))
        asks = ProposalLog(directory, self.info.config, here, self.resume)
        self._asks = files.enter_context(contextlib.closing(asks))
        if self.evaluator.executes and asks.machine != here:
            raise UserError(
                f"{directory} was measured on another machine, whose times do not compare with those of this one; "
                f"begin a new study with search.warm_start={directory}"
            )
        for trial in self._log.trials:
            self._note(trial)
        if asks.asks:
            last = asks.asks[-1]
            self._spending = Spending(self.budget, self.search, last.seconds, last.money)

    def _knows_its_works(self) -> bool:
        """Whether all that takes time for it is below this process: neither on a cluster, nor shared by a sweep.

        What runs in this process itself takes none, and waits for nobody.
        """
        remote = isinstance(self.executor, RemoteExecutor) and self.executor.remote
        return not remote and self.info.sweep is None and not isinstance(self.executor, Inline)

    def _search(self, files: contextlib.ExitStack) -> None:
        """Spend the budget."""
        space = self.backend.space(self.workload)
        if not self.resume:
            self._open(files)
        with contextlib.closing(self.executor):
            self.executor.start((*self.backend.preload, *self.evaluator.preload, "mlopt.runner"))
            self.search.start(space, self._context())
            if isinstance(space, CountedSpace) and (size := space.count(Schedule())) < self.budget.trials:
                self.trackers.note(f"there are {size} schedules at most, fewer than budget.trials={self.budget.trials}")
            proposals = Proposals(self.search, self._asks, self._spending)
            under_way = proposals.recall(self.trials, space)
            if self.evaluator.executes:
                with contextlib.suppress(Exception):  # the finals try again, and say why there is none
                    self._limit.learn()
            self._loop(proposals, under_way)

    def _context(self) -> StudyContext:
        return StudyContext(
            rng=np.random.default_rng(self.seed),
            budget=self.budget,
            slots=self.executor.slots,
            brief=lambda: brief(self.info, self.workload, self.backend, self._limit.roofline),
            directory=self.info.directory,
            say=self.trackers.note,
            computing=device.briefly,
            executes=self.evaluator.executes,
        )

    def _loop(self, proposals: Proposals, under_way: Sequence[tuple[int, Schedule]]) -> None:
        """Ask for as many schedules as there are free slots, wait for the first to complete, log it, tell, track."""
        pending: dict[Future[Outcome], tuple[int, Schedule, str]] = {}
        doubted: set[int] = set()

        def submit(number: int, schedule: Schedule, anew: bool = False) -> None:
            work = TrialWork(self.workload, self.backend, self._informed_evaluator(), schedule, self._to_beat())
            seconds = self.budget.trial_seconds
            if self.archive is None or anew:
                future = self.executor.submit(work, seconds)
            else:
                future = self.archive.submit(self.executor, work, seconds)
            pending[future] = number, schedule, now()

        self._time_naive()
        for number, schedule in under_way[: max(0, self.budget.trials - len(self.trials))]:
            submit(number, schedule)
        while self._search_seconds_left() > 0.0 and not self._spending.broke:
            left = self.budget.trials - len(self.trials) - len(pending)
            if (free := min(self._works_at_once() - len(pending), left)) > 0:
                for number, schedule in proposals.ask(free):
                    submit(number, schedule)
            if not pending:
                self._exhausted = free > 0
                return
            timeout = min(self._search_seconds_left(), threading.TIMEOUT_MAX)
            for future in wait(pending, timeout, return_when=FIRST_COMPLETED).done:
                trial = trial_of(future, *pending.pop(future))
                if trial.seconds is not None and self._limit.broken(trial.seconds):
                    if trial.trial not in doubted:
                        doubted.add(trial.trial)
                        submit(trial.trial, trial.schedule, anew=True)
                        continue
                    trial = trial.refuted(summary(self._limit.error(trial.seconds)))
                self._finish(trial, proposals)

    def _works_at_once(self) -> int:
        """As many as run, and those that are worth having in line."""
        executor = self.executor
        return executor.slots + (executor.in_line if isinstance(executor, QueueingExecutor) else 0)

    def _search_seconds_left(self) -> float:
        """Until the search has to end, so that the budget's seconds suffice for the finals, if there is a finalist."""
        finals = self.evaluator.executes and self.best is not None
        return self._spending.seconds_left_to_search if finals else self._spending.seconds_left

    def _time_naive(self) -> None:
        """Begin to time the naive program once, for the trackers to see progress against."""

        def show(future: Future[float]) -> None:
            if future.exception() is None:
                self.trackers.baseline("naive", future.result())

        if self.evaluator.executes:
            self.executor.submit(Naive(self.workload, self.backend), self.budget.trial_seconds).add_done_callback(show)

    def _finish(self, trial: Trial, proposals: Proposals) -> None:
        roofline = self._limit.roofline
        if roofline is not None and trial.seconds is not None:
            share = roofline.seconds(self.workload.flops, self.workload.bytes) / trial.seconds
            trial = replace(trial, metrics={**trial.metrics, "roofline": share})
        if isinstance(self.search, AccountableSearch):
            origin, spent = self.search.account(trial.schedule)
            trial = replace(trial, origin=origin, metrics={**trial.metrics, **spent})
        if UNVERIFIED in trial.metrics and not any(UNVERIFIED in other.metrics for other in self.trials):
            self.trackers.note(
                "some of these kernels cannot be carried out here: they are ranked without having been verified"
            )
        self._log.append(trial)
        self._note(trial)
        self._waiting.moved()
        proposals.tell(trial)
        self.trackers.log(trial)

    def _note(self, trial: Trial) -> None:
        self.trials.append(trial)
        to_beat = self._to_beat()
        if trial.reached is not None and (to_beat is None or trial.reached < to_beat):
            self.best = trial

    def _informed_evaluator(self) -> Evaluator:
        """The evaluator of the next trial, which may depend on those so far."""
        evaluator = self.evaluator
        return evaluator.informed(self.trials) if isinstance(evaluator, LearningEvaluator) else evaluator

    def _to_beat(self) -> float | None:
        return None if self.best is None else self.best.reached

    def _so_far(self) -> dict[str, Any]:
        """What stands in a result until the end is reached."""
        return {"best": result.provisional(self.best) if self.best else None, "interrupted": True}

    def _found(self, comparison: Mapping[str, Any]) -> dict[str, Any]:
        """The content of `result.json`."""
        found = result.describe(
            self.info, self.workload, self.backend, self.evaluator, self.seed, self.trials, self._spending.seconds
        )
        found["budget"] = self.budget.limits
        found["exhausted"] = self._exhausted
        if isinstance(self.search, ObjectivesSearch) and self.search.objectives:
            found["pareto"] = result.pareto(self.trials, self.search.objectives)
        return {**found, **comparison}

    def _compare(self) -> dict[str, Any]:
        """Let the best schedules and the baselines meet, where programs are executed."""
        if self.best is None:
            return {}
        meeting = None
        if self.evaluator.executes:
            rng, inputs = np.random.default_rng(self.seed), self.evaluator.inputs
            meeting = meet(
                self.trials, self.workload, self.backend, inputs, rng, lambda: self._spending.seconds_left, self._limit
            )
        if meeting is None:
            return {"best": result.provisional(self.best)}
        self._refute(meeting)
        return result.final(meeting.finalists, meeting.courses, meeting.absent, meeting.roofline, self.workload)

    def _refute(self, meeting: Meeting) -> None:
        """Tell the archive which finalists were found wrong, so that no other study takes their trials for good."""
        for name, trial in meeting.finalists.items():
            if self.archive is not None and isinstance(error := meeting.absent.get(name), WrongResult):
                self.archive.log(replace(trial.refuted(summary(error)), finished=now()))

    def _measure_roofline(self, fastest: float) -> Roofline:
        """The machine's roofline, unless `fastest` seconds prove it too low."""
        left = self._spending.seconds_left

        def run(work: Measure) -> Roofline:
            return aside(work, self.backend, min(DEADLINE_SECONDS, left), left)

        return roofline(self.backend, run, self.workload, fastest)

    def _export(self, found: Mapping[str, Any]) -> None:
        """Write `best/`, if others let it happen in time."""
        folder, seconds = self.info.directory, self._spending.seconds_left + LATE_SECONDS
        try:
            export(self.workload, self.backend, found, folder, seconds)
        except WorkerDelayed as error:
            self.trackers.note(f"the best is not exported yet: {error}; mlopt resume={folder} does that")
