"""Who takes part in the finals. A contender is a frozen dataclass; its worker prepares it once and times it often."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..core.schedule import Schedule
from ..evaluator.correctness import case, empty
from ..evaluator.timing import calls_per_sample, net, take
from ..executor import device
from ..protocols import Backend, Workload

TURN_SECONDS = 0.02
"""How long one turn lasts at least: long enough to forget what ran before, short enough for many turns."""

NEEDS_NO_WARM_UP_SECONDS = 10 * TURN_SECONDS
"""A call so long warms itself up, and is a turn."""

SEED = 0x6D6C
"""Of the finals' inputs, so that every contender reads the same ones."""


class Skipped(Exception):
    """A baseline that cannot take part here; the message says why."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A verified contender, ready to be timed."""

    call: Callable[[], None]
    overhead: float
    """Seconds of each call that are not the kernel's."""


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

    @property
    def preload(self) -> tuple[str, ...]:
        return self.backend.preload

    def prepare(self) -> Prepared:
        with device.shared():
            kernel = self.backend.build(self.workload, self.schedule).load()
        with device.alone():
            outputs = [empty(spec) for spec in self.workload.outputs]
            inputs = case(self.workload, SEED, 0)
            inputs.check(kernel, outputs)
        return Prepared(kernel.bind(inputs.inputs, outputs), kernel.overhead())


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
        if self.name not in _ready:  # nobody gets ready while another one is timed
            raise RuntimeError("its process died between two turns")
        prepared = _ready[self.name]
        turns = itertools.cycle([prepared.call])
        first = take(turns, 1)
        if first >= NEEDS_NO_WARM_UP_SECONDS:
            return [net(first, prepared.overhead)]
        repeat = calls_per_sample(first)
        samples: list[float] = []
        end = time.perf_counter() + TURN_SECONDS
        while not samples or time.perf_counter() < end:
            samples.append(take(turns, repeat, prepared.overhead))
        return samples


_ready: dict[str, Prepared] = {}
