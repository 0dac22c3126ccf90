"""One workload's contest of `gpu.py`: configurations drawn uniformly, then bred; the best meets PyTorch and the pick of
Triton's own autotuner, which is given the same configurations and as much time.

Workers compile and simulate them, none of which has the GPU; one process has it and does nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from gpu_works import Autotuning, Meeting, Ready, Timing
from scipy.stats import spearmanr

from mlopt.backend.triton.backend import Triton
from mlopt.core.errors import summary
from mlopt.core.schedule import Schedule
from mlopt.core.statistics import Estimate
from mlopt.core.trial import Status, Trial, WorkerLost
from mlopt.executor.worker import Worker
from mlopt.protocols import Budget, Executor, StudyContext, Workload
from mlopt.runner import now
from mlopt.search.evolve import Evolve
from mlopt.search.random import Random

COMPILING_SECONDS, TIMING_SECONDS, READY_SECONDS = 40.0, 30.0, 120.0
"""Deadlines; some configurations spill so much that they compile for minutes."""
SHARE = 0.45
"""Of a contest's time, for our configurations; as much is left for the autotuner."""
DRAWING = 0.85
"""Of that, for those that are drawn, if there are any."""


@dataclass(frozen=True)
class Compiling:
    """Compile a configuration; the process with the GPU then finds it in Triton's cache."""

    workload: Workload
    schedule: Schedule

    def __call__(self) -> tuple[Mapping[str, float], float]:
        """What it should cost, with what that is made of, and the seconds that this took."""
        start = time.perf_counter()
        metrics = Triton(None).build(self.workload, self.schedule).simulate()
        return metrics, time.perf_counter() - start


class Contest:
    """Of so many configurations that are drawn, and up to so many that are bred, as there is time for."""

    def __init__(self, workload: Workload, drawn: int, bred: int, compilers: Executor, gpu: Worker) -> None:
        self.workload = workload
        self.drawn, self.bred = drawn, bred
        self.trials: list[Trial] = []
        self._compilers, self._gpu = compilers, gpu
        self._compiling: dict[Future[tuple[Mapping[str, float], float]], Schedule] = {}
        self._sample: Sequence[Schedule] = ()
        self._random, self._evolve = Random(), Evolve()
        space = Triton(None).space(workload)
        for seed, search in enumerate((self._random, self._evolve)):
            context = StudyContext(np.random.default_rng(seed), Budget(self.size), compilers.slots)
            search.start(space, context)

    @property
    def size(self) -> int:
        """Configurations, at most."""
        return self.drawn + self.bred

    def begin(self) -> None:
        """Have what is drawn compiled, unless it is already."""
        if not self._sample:
            self._sample = self._random.ask(self.drawn)
            self._compile(self._sample)

    def run(self, seconds: float, meanwhile: Callable[[], None]) -> Mapping[str, Any]:
        """Its row, within so many seconds; `meanwhile` is called when compilers have nothing more to do for it."""
        start = time.monotonic()
        self.begin()
        self._gpu.run(Ready(self.workload), READY_SECONDS)
        begin, end = time.monotonic(), start + SHARE * seconds
        self._finish(begin + DRAWING * (end - begin))
        sample = [trial for trial in self.trials if trial.seconds is not None]
        first = self._evolve.ask(min(self.bred, self._compilers.slots))
        self._compile(first)
        self._finish(end, self.bred - len(first))
        meanwhile()
        right = [trial for trial in self.trials if trial.seconds is not None]
        if not right:
            raise RuntimeError(f"no configuration works, such as: {self.trials[0].error if self.trials else 'none'}")
        best = min(right, key=lambda trial: trial.seconds or 0.0)
        spent = time.monotonic() - begin
        theirs = self._gpu.run(Autotuning([trial.schedule for trial in right], spent), spent + TIMING_SECONDS)
        found = dict(self._gpu.run(Meeting({"mlopt": best.schedule, "autotuner": theirs}, 0), READY_SECONDS))
        ours, autotuner = found.pop("mlopt"), found.pop("autotuner")
        costs, times = [trial.metrics["cost"] for trial in sample], [trial.seconds for trial in sample]
        return {
            "microseconds": ours * 1e6,
            "of PyTorch": min(found.values()) / ours,
            "its best": min(found, key=lambda name: found[name]),
            "of the autotuner": autotuner / ours,
            **({"rho": float(spearmanr(costs, times).statistic)} if sample else {}),
            "ok": f"{len(right)}/{len(self.trials)}",
            "best": best.schedule.values(),
        }

    def _compile(self, schedules: Iterable[Schedule]) -> None:
        for schedule in schedules:
            work = Compiling(self.workload, schedule)
            self._compiling[self._compilers.submit(work, COMPILING_SECONDS)] = schedule

    def _finish(self, end: float, more: int = 0) -> None:
        """Time what is being compiled, each as soon as it is, and breed one for each, up to `more`, until `end`."""
        while self._compiling and (left := end - time.monotonic()) > 0.0:
            future = next(iter(wait(self._compiling, left, FIRST_COMPLETED).done), None)
            if future is None:
                break
            trial = self._trial(future, self._compiling.pop(future))
            self.trials.append(trial)
            self._evolve.tell([trial])
            if more > 0:
                more -= 1
                self._compile(self._evolve.ask(1))
        for future in self._compiling:  # nobody has the time to try them
            future.cancel()
        self._compiling.clear()

    def _trial(self, future: Future[tuple[Mapping[str, float], float]], schedule: Schedule) -> Trial:
        number, started = len(self.trials), now()
        try:
            metrics, compile_seconds = future.result()
            samples, clocks = self._timed(schedule)
        except Exception as error:
            return Trial(number, schedule, Status.of(error), error=summary(error), started=started, finished=now())
        return Trial(
            trial=number,
            schedule=schedule,
            status=Status.OK,
            seconds=Estimate.of(samples).seconds,
            samples=samples,
            compile_seconds=compile_seconds,
            metrics={**metrics, **clocks},
            started=started,
            finished=now(),
        )

    def _timed(self, schedule: Schedule) -> tuple[tuple[float, ...], Mapping[str, float]]:
        try:
            return self._gpu.run(Timing(schedule), TIMING_SECONDS)
        except WorkerLost:  # and all that was ready with it
            self._gpu.run(Ready(self.workload), READY_SECONDS)
            raise
