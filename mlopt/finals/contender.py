"""Who takes part in the finals. A contender is a frozen dataclass; its worker prepares it once and times it often."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..core.cores import pinned
from ..core.schedule import Schedule
from ..evaluator.correctness import FRESH, TIMED, Case, case, drawn, empty, far_case, unseen
from ..evaluator.rotation import set_count
from ..evaluator.stillness import calm_down, demand_stillness
from ..evaluator.surroundings import Surroundings, unchanged
from ..evaluator.threads import Threads
from ..evaluator.timing import Clock, calls_per_sample, of_a_device, on_the_wall, take
from ..evaluator.watch import Watch, watched
from ..executor import device
from ..judging import judged, most_threads
from ..protocols import Array, Backend, DeviceBackend, Inputs, Kernel, Workload
from .places import Place, Places

TURN_SECONDS = 0.01
"""How long one turn lasts at least: long enough to forget what ran before, and no longer, since what two threads of a
short kernel find differs by 3 % from turn to turn, but hardly within one."""

NEEDS_NO_WARM_UP_SECONDS = 20 * TURN_SECONDS
"""A call so long warms itself up, and is a turn."""

PATIENCE_SECONDS = 60.0
"""For what is checked by repeating calls. Only a naive program has longer ones: in a trial they meet the deadline."""

SEED = 0x6D6C
"""Of the finals' inputs, so that every contender reads the same ones."""


class Skipped(Exception):
    """A baseline that cannot take part here; the message says why."""


class Prepared(Protocol):
    """A contender in its worker, found right once, and ready to be timed."""

    @property
    def surroundings(self) -> Surroundings:
        """What it must leave as it is."""

    @property
    def clock(self) -> Clock:
        """The one that is believed."""

    def place(self) -> Place:
        """The calls of the next turn."""

    def verify(self) -> None:
        """Raise WrongResult unless the last timed calls' outputs are right, and those on inputs never seen before."""


class Contender(Protocol):
    """A way to compute the workload."""

    @property
    def name(self) -> str: ...
    @property
    def preload(self) -> tuple[str, ...]: ...
    def prepare(self) -> Prepared:
        """Build, verify, bind; in the contender's own worker. Raises Skipped, WrongResult or CompileError."""


@dataclass(frozen=True)
class KernelContender:
    """A program of the study's backend: a schedule's, or the naive one (`schedule=None`)."""

    name: str
    backend: Backend
    workload: Workload
    schedule: Schedule | None
    inputs: Inputs

    @property
    def preload(self) -> tuple[str, ...]:
        return self.backend.preload

    def prepare(self) -> Prepared:
        # A device's kernels may be compiled by a process that lives on: they are watched once they are loaded.
        before = None if isinstance(self.backend, DeviceBackend) else Surroundings()
        with nullcontext() if before is None else unchanged(before):
            with device.shared():
                program = self.backend.build(self.workload, self.schedule)
            settle(self.backend)
            return prepared(program.load, self.workload, self.backend, self.inputs, before)


def settle(backend: Backend) -> None:
    """Let this process's kernels run where all contenders' do: on the first of a backend's devices, if it has any."""
    if isinstance(backend, DeviceBackend):
        backend.use(backend.devices()[0])


def prepared(
    load: Callable[[], Kernel],
    workload: Workload,
    backend: Backend,
    inputs: Inputs,
    surroundings: Surroundings | None = None,
) -> Prepared:
    """A kernel, verified and bound, after its first loading and another. Raises WrongResult or CompileError.

    It must leave `surroundings` as they were then, or else when it had been loaded.
    """
    workload, threads = judged(workload, backend), Threads(most_threads(backend))
    clock = of_a_device if isinstance(backend, DeviceBackend) else on_the_wall
    with device.shared():
        kernel = load()
        timed = timed_case(workload, inputs)
        strange = drawn(workload, SEED, FRESH)
    surroundings = surroundings or Surroundings()
    outputs = [empty(spec) for spec in workload.outputs]
    with device.alone(), unchanged(surroundings):
        try:
            timed.check(kernel, outputs)
        finally:
            kernel.rest()
        calm_down()
        awake = load()

    def watch(timed: Case, outputs: Sequence[Array]) -> Watch:
        rng = np.random.default_rng()  # of no seed: see Execution
        return watched(workload, awake, timed, outputs, rng, strange, PATIENCE_SECONDS, threads, clock)

    def elsewhere() -> Watch:
        return watch(timed.moved(), [empty(spec) for spec in workload.outputs])

    places = Places(watch(timed, outputs), elsewhere, place_bytes(workload, timed))
    return _PreparedKernel(workload, awake, places, surroundings, clock)


@dataclass(frozen=True, slots=True)
class _PreparedKernel:
    workload: Workload
    kernel: Kernel
    places: Places[Watch]
    surroundings: Surroundings
    clock: Clock

    def place(self) -> Watch:
        return self.places.next()

    def verify(self) -> None:
        with device.shared():
            fresh, far = fresh_case(self.workload), far_case(self.workload, SEED)
        with device.alone():
            last = self.places.last
            calm_down()
            try:
                for watch in self.places.used:
                    watch.verify(fresh, contends=watch is last)
                for known in (fresh, *([] if far is None else [far])):
                    known.check(self.kernel, [empty(spec) for spec in self.workload.outputs])
                if not last.bears_repetition:
                    return
                judge = unseen(self.kernel, self.workload, np.random.default_rng())
                demand_stillness(self.kernel, last.calls[0], last.outputs)
            finally:
                self.kernel.rest()
        with device.shared():
            judge()


def timed_case(workload: Workload, inputs: Inputs) -> Case:
    """What contenders are timed on, and checked on before."""
    return case(workload, SEED, TIMED, set_count(workload, inputs))


def place_bytes(workload: Workload, timed: Case) -> int:
    """How much memory one place takes."""
    return timed.nbytes + sum(spec.nbytes for spec in workload.outputs)


def fresh_case(workload: Workload) -> Case:
    """What contenders are checked on when they have been timed."""
    return case(workload, SEED, FRESH)


@dataclass(frozen=True, slots=True)
class Prepare:
    """The work of getting a contender ready, for the turns that its worker will be given."""

    contender: Contender

    def __call__(self) -> None:
        _ready[self.contender.name] = self.contender.prepare()


@dataclass(frozen=True, slots=True)
class Turn:
    """The work of one turn: seconds of one call, several times over, after a warm-up."""

    name: str
    """The contender's."""

    def __call__(self) -> Sequence[float]:
        prepared = _prepared(self.name)
        with pinned(), unchanged(prepared.surroundings):
            return self._samples(prepared)

    def _samples(self, prepared: Prepared) -> Sequence[float]:
        place, clock = prepared.place(), prepared.clock
        calls = itertools.cycle(place.calls)
        first = take(calls, 1, observer=place, clock=clock)
        if first >= NEEDS_NO_WARM_UP_SECONDS:
            return [first]
        repeat = calls_per_sample(first)
        samples: tuple[float, ...] = ()  # which nobody can change in place
        end = time.perf_counter() + TURN_SECONDS
        while not samples or time.perf_counter() < end:
            samples += (take(calls, repeat, observer=place, clock=clock),)
        return samples


@dataclass(frozen=True, slots=True)
class Verify:
    """The work of checking a contender after its last turn. Raises WrongResult."""

    name: str
    """The contender's."""

    def __call__(self) -> None:
        prepared = _prepared(self.name)
        with unchanged(prepared.surroundings):
            prepared.verify()


def _prepared(name: str) -> Prepared:
    if name not in _ready:  # nobody gets ready while another one is timed
        raise RuntimeError("its process died between two turns")
    return _ready[name]


_ready: dict[str, Prepared] = {}
