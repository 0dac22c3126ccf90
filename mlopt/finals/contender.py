"""Who takes part in the finals. A contender is a frozen dataclass; its worker prepares it once and times it often."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from .. import device
from ..core.schedule import Schedule
from ..evaluator.correctness import case, empty
from ..evaluator.timing import take
from ..protocols import Backend, Workload

TURN_SECONDS = 0.02
"""How long one turn lasts at least: long enough to forget what ran before, short enough for many turns."""

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

    def __hash__(self) -> int: ...
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
    """The work of getting a contender ready."""

    contender: Contender

    def __call__(self) -> None:
        _prepared(self.contender)


@dataclass(frozen=True, slots=True)
class Turn:
    """The work of one turn: seconds of one call, several times over, after a warm-up."""

    contender: Contender

    def __call__(self) -> Sequence[float]:
        prepared = _prepared(self.contender)
        turns = itertools.cycle([prepared.call])
        first = take(turns, 1)
        samples: list[float] = []
        end = time.perf_counter() + TURN_SECONDS
        while not samples or time.perf_counter() < end:
            samples.append(take(turns, 1) - prepared.overhead)
        return samples if first < TURN_SECONDS else [first, *samples]


@functools.lru_cache(maxsize=1)
def _prepared(contender: Contender) -> Prepared:
    return contender.prepare()
