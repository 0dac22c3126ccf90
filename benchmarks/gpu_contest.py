"""One workload's contest of `gpu.py`: configurations drawn uniformly, then bred; the best meets PyTorch and the pick of
Triton's own autotuner, which is given the same configurations and as much time.

Workers compile and simulate them, none of which has the GPU; one process has it and does nothing else. What fails is a
finding that says why, and costs none of the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from gpu_works import Autotuning, Meeting, Ready, Timing

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
"""Of a contest's time, once its inputs and results are ready, for our configurations; the autotuner has as much."""
DRAWING = 0.85
"""Of that, for those that are drawn, if there are any."""
FINALISTS, AUTOTUNER = 3, "autotuner"
"""How many of ours meet PyTorch and the pick of the autotuner, which goes by this name."""

Finding = Mapping[str, Any]

R = TypeVar("R")


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

    def run(self, seconds: float, meanwhile: Callable[[], None]) -> Iterator[Finding]:
        """What is found out within so many seconds, as it is; `meanwhile` is called when compilers have no more to do.

        Raises what keeps the contest from being held at all.
        """
        end = time.monotonic() + seconds
        self.begin()
        self._gpu.run(Ready(self.workload), READY_SECONDS)
        begin = time.monotonic()
        sample = self._try(begin, begin + SHARE * (end - begin))
        meanwhile()
        right = [trial for trial in self.trials if trial.seconds is not None]
        if not right:
            raise RuntimeError(f"no configuration works, such as: {self.trials[0].error if self.trials else 'none'}")
        finalists = sorted(right, key=lambda trial: trial.seconds or 0.0)[:FINALISTS]
        yield {"ok": f"{len(right)}/{len(self.trials)}", **_row(finalists[0].seconds or 0.0, finalists[0].schedule)}
        yield attempted("rho", lambda: _rank_correlation(sample))
        contenders = {f"mlopt {n}": trial.schedule for n, trial in enumerate(finalists)}
        spent = time.monotonic() - begin
        try:
            tuning = Autotuning([trial.schedule for trial in right], spent)
            contenders[AUTOTUNER] = self._on_gpu(tuning, spent + TIMING_SECONDS)
        except Exception as error:
            yield {f"no {AUTOTUNER}": summary(error)}
        yield attempted("meeting", lambda: self._met(contenders))

    def _try(self, begin: float, end: float) -> Sequence[Trial]:
        """Try what is drawn, then breed; returns those of the drawn ones that are right."""
        self._finish(begin + DRAWING * (end - begin))
        sample = [trial for trial in self.trials if trial.seconds is not None]
        first = self._evolve.ask(min(self.bred, self._compilers.slots))
        self._compile(first)
        self._finish(end, self.bred - len(first))
        return sample

    def _met(self, contenders: Mapping[str, Schedule]) -> Finding:
        """How the best of ours compares with the others, as far as they can compute it, all timed in turn."""
        seconds = dict(self._on_gpu(Meeting(contenders, 0), READY_SECONDS))
        autotuner = seconds.pop(AUTOTUNER, None)
        own = {name: seconds.pop(name) for name in contenders if name != AUTOTUNER}
        first = min(own, key=lambda name: own[name])
        found = _row(own[first], contenders[first])
        if seconds:
            library = min(seconds, key=lambda name: seconds[name])
            found |= {"of PyTorch": seconds[library] / own[first], "its best": library}
        if autotuner is not None:
            found["of the autotuner"] = autotuner / own[first]
        return found

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
            samples, clocks = self._on_gpu(Timing(schedule), TIMING_SECONDS)
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

    def _on_gpu(self, work: Callable[[], R], seconds: float) -> R:
        try:
            return self._gpu.run(work, seconds)
        except WorkerLost:  # and all that was ready with it
            self._gpu.run(Ready(self.workload), READY_SECONDS)
            raise


def attempted(name: str, find: Callable[[], Finding]) -> Finding:
    """What is found; where that fails, why, by this name."""
    try:
        return find()
    except Exception as error:
        return {f"no {name}": summary(error)}


def _rank_correlation(trials: Sequence[Trial]) -> Finding:
    """Spearman's, of simulated costs and measured times, where there are enough of them."""
    if len(trials) < 2:
        return {}
    costs, times = [trial.metrics["cost"] for trial in trials], [trial.seconds for trial in trials]
    return {"rho": float(np.corrcoef(_ranks(costs), _ranks(times))[0, 1]), "of": len(trials)}


def _ranks(values: Sequence[float | None]) -> Any:
    """Those of equals are their mean. SciPy has this, too, and is not on every machine with a GPU."""
    _, place, counts = np.unique(np.asarray(values, float), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _row(seconds: float, schedule: Schedule) -> dict[str, Any]:
    return {"microseconds": 1e6 * seconds, "best": schedule.values()}
