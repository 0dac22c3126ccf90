"""A kernel against itself (A/A), through the very code of the finals: whoever wins, it is an error of measuring."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace

import numpy as np

from ..core.comparison import Comparison
from ..evaluator.timing import Call
from .contender import Contender, KernelContender, Prepared
from .interleaved import measure


def against_itself(contender: KernelContender, rng: np.random.Generator, slowdown: float = 0.0) -> Comparison:
    """Compare a contender with its twin, each in a process of its own, as finalists are; takes seconds.

    The twin's calls take longer by `slowdown`, relatively, to see whether that is noticed. Raises what kept either from
    being timed.
    """
    twins: list[Contender] = [
        replace(contender, name="first"),
        Slowed(replace(contender, name="second"), slowdown),
    ]
    courses, absent = measure(twins, rng)
    for error in absent.values():
        raise error
    return Comparison.of(courses["first"].medians, courses["second"].medians)


@dataclass(frozen=True)
class Slowed:
    """A contender whose every call takes longer by `slowdown`, relatively; 0 leaves it as it is."""

    contender: KernelContender
    slowdown: float

    @property
    def name(self) -> str:
        return self.contender.name

    @property
    def preload(self) -> tuple[str, ...]:
        return (__name__, *self.contender.preload)

    def prepare(self) -> Prepared:
        prepared = self.contender.prepare()
        return _Slowed(prepared, self.slowdown) if self.slowdown else prepared


class _Slowed:
    def __init__(self, prepared: Prepared, slowdown: float) -> None:
        self._prepared = prepared
        self._slowdown = slowdown
        self.overhead = prepared.overhead
        self.turns = itertools.cycle([self._call])
        self.before, self.after, self.verify = prepared.before, prepared.after, prepared.verify

    def _call(self) -> None:
        call: Call = next(self._prepared.turns)
        start = time.perf_counter()
        call()
        end = time.perf_counter()
        until = end + self._slowdown * (end - start)
        while time.perf_counter() < until:
            pass
