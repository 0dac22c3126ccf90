"""Many schedules of many programs, tried as in studies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..core.schedule import Schedule
from ..core.trial import Trial
from ..protocols import Backend, Evaluator, Executor, LearningEvaluator, Space, Workload
from ..runner import TrialWork, now, trial_of


@dataclass(slots=True)
class Attempts:
    """What was tried of one program."""

    workload: Workload
    space: Space
    trials: list[Trial] = field(default_factory=list)

    @property
    def best(self) -> Trial | None:
        """The fastest trial; None if all failed."""
        ok = [trial for trial in self.trials if trial.objective is not None]
        return min(ok, key=lambda trial: trial.objective or math.inf, default=None)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where schedules are tried: each in a killable worker, within `trial_seconds`."""

    backend: Backend
    evaluator: Evaluator
    executor: Executor
    trial_seconds: float

    def open(self) -> None:
        """Get the workers ready."""
        self.executor.start((*self.backend.preload, *self.evaluator.preload, "mlopt.runner"))

    def begin(self, workload: Workload) -> Attempts:
        return Attempts(workload, self.backend.space(workload))

    def carry_out(self, asked: Sequence[tuple[Attempts, Schedule]]) -> list[Trial]:
        """The trials of these schedules, in this order; each is added to the attempts that it belongs to.

        Raises UserError for what no trial can mend.
        """
        futures = []
        for attempts, schedule in asked:
            best, evaluator = attempts.best, self.evaluator
            if isinstance(evaluator, LearningEvaluator):
                evaluator = evaluator.informed(attempts.trials)
            work = TrialWork(attempts.workload, self.backend, evaluator, schedule, best.objective if best else None)
            futures.append((self.executor.submit(work, self.trial_seconds), now()))
        trials = []
        for (attempts, schedule), (future, submitted) in zip(asked, futures, strict=True):
            future.exception()  # waits
            trials.append(trial_of(future, len(attempts.trials), schedule, submitted))
            attempts.trials.append(trials[-1])
        return trials
