"""The works of the one process of `gpu.py` that has the GPU: a workload's kernels, checked and timed there."""

from __future__ import annotations

import functools
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from exact import Judge

from mlopt.backend.triton.autotuner import autotuned
from mlopt.backend.triton.backend import Triton
from mlopt.backend.triton.cuda import Cuda
from mlopt.backend.triton.device import LOST
from mlopt.backend.triton.host import of_this_machine, present
from mlopt.backend.triton.kernel_file import given, source_of
from mlopt.core.errors import WrongResult
from mlopt.core.schedule import Schedule
from mlopt.protocols import LibraryWorkload, Roofline, Workload

REPETITIONS, ROUNDS = 5, 40

T, R = TypeVar("T"), TypeVar("R")


def fatal_if_lost(work: Callable[[T], R]) -> Callable[[T], R]:
    """A work that ends its process if the GPU refuses all further ones."""

    @functools.wraps(work)
    def carry_out(self: T) -> R:
        try:
            return work(self)
        except Exception:
            if Cuda().lost():
                os._exit(LOST)
            raise

    return carry_out


class Bench:
    """A workload with its inputs and results on the GPU."""

    def __init__(self, workload: Workload) -> None:
        self.device = Cuda()
        self._workload = workload
        self._file = source_of(workload).load(None)
        self._known = {**given(workload), "multiprocessors": of_this_machine(present()).multiprocessors}
        self._judge = Judge(workload, self.device.name)

    def timed(self, schedule: Schedule) -> tuple[float, ...]:
        """Seconds of some calls. Raises WrongResult, and whatever the launch does."""
        launch = self._file.launcher(schedule.values(), self._known)
        if not self._judge.is_right(launch):
            raise WrongResult("farther off than is allowed")
        return tuple(self.device.timed(lambda: launch(self._judge.inputs))[1] for _ in range(REPETITIONS))

    def call(self, schedule: Schedule) -> Callable[[], Sequence[Any]]:
        launch = self._file.launcher(schedule.values(), self._known)
        return lambda: launch(self._judge.inputs)

    def pytorch(self) -> Mapping[str, Callable[[], Sequence[Any]]]:
        """PyTorch's ways to compute it: what it prefers, and by each library of several that can."""
        workload = self._workload
        functions = {"torch": workload.eager()}
        if isinstance(workload, LibraryWorkload):
            functions |= {library: workload.eager_by(library) for library in workload.libraries}
        calls = {name: self._bound(function) for name, function in functions.items()}
        return {name: call for name, call in calls.items() if _can(call)}

    def _bound(self, function: Callable[..., Any]) -> Callable[[], Sequence[Any]]:
        return lambda: (function(*self._judge.inputs),)


def _can(call: Callable[[], Sequence[Any]]) -> bool:
    try:
        call()
    except Exception:  # such as RuntimeError, PyTorch's word for a library that has no kernel for this
        return False
    return True


@dataclass(frozen=True)
class Rooflines:
    """Measure the GPU."""

    def __call__(self) -> Roofline:
        return Triton(None).roofline()


@dataclass(frozen=True)
class Ready:
    """Get a workload ready, which takes the place of the one before."""

    workload: Workload

    @fatal_if_lost
    def __call__(self) -> None:
        _ready.clear()
        Cuda().release()
        backend = Triton(None)
        backend.use(backend.devices()[0])
        _ready.append(Bench(self.workload))


@dataclass(frozen=True)
class Timing:
    """Check and time one configuration of the workload that is ready: seconds of some calls, and the GPU's clocks."""

    schedule: Schedule

    @fatal_if_lost
    def __call__(self) -> tuple[tuple[float, ...], Mapping[str, float]]:
        (bench,) = _ready
        return bench.timed(self.schedule), bench.device.clocks()


@dataclass(frozen=True)
class Autotuning:
    """The configuration that Triton's own autotuner chooses of these within so many seconds.

    What was compiled before is found in Triton's cache, so that it is spared that time.
    """

    schedules: Sequence[Schedule]
    seconds: float

    @fatal_if_lost
    def __call__(self) -> Schedule:
        (bench,) = _ready
        return autotuned({schedule: bench.call(schedule) for schedule in self.schedules}, self.seconds)


@dataclass(frozen=True)
class Meeting:
    """The median seconds of these configurations and of PyTorch, by name, taken in turn in shuffled order."""

    schedules: Mapping[str, Schedule]
    seed: int

    @fatal_if_lost
    def __call__(self) -> Mapping[str, float]:
        (bench,) = _ready
        calls = {**{name: bench.call(schedule) for name, schedule in self.schedules.items()}, **bench.pytorch()}
        rng, samples = np.random.default_rng(self.seed), {name: list[float]() for name in calls}
        for _ in range(ROUNDS):
            for name in rng.permutation(list(calls)):
                samples[name].append(bench.device.timed(calls[name])[1])
        return {name: statistics.median(values) for name, values in samples.items()}


_ready: list[Bench] = []
"""The workload that is ready in this process."""
