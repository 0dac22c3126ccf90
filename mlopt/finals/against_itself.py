"""A kernel against itself (A/A), through the very code of the finals: whoever wins, it is an error of measuring."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from ..core.comparison import Comparison
from ..evaluator.timing import Call
from .contender import Contender, KernelContender, Prepared
from .interleaved import measure
from .places import Place


def against_itself(
    contender: KernelContender, rng: np.random.Generator, slowdown: float
) -> tuple[Comparison, Comparison]:
    """Compare a contender with its twin, and with one whose every call takes longer by `slowdown`, relatively.

    Each is in a process of its own, as finalists are; takes seconds. Raises what kept one of them from being timed.
    """
    triplets: list[Contender] = [
        replace(contender, name="first"),
        replace(contender, name="second"),
        Slowed(replace(contender, name="slowed"), slowdown),
    ]
    courses, absent = measure(triplets, rng)
    for error in absent.values():
        raise error
    first, second, slowed = (courses[triplet.name].medians for triplet in triplets)
    return Comparison.of(first, second), Comparison.of(first, slowed)


@dataclass(frozen=True)
class Slowed:
    """A contender whose every call takes longer by `slowdown`, relatively."""

    contender: KernelContender
    slowdown: float

    @property
    def name(self) -> str:
        return self.contender.name

    @property
    def preload(self) -> tuple[str, ...]:
        return (__name__, *self.contender.preload)

    def prepare(self) -> Prepared:
        return _Slowed(self.contender.prepare(), self.slowdown)


class _Slowed:
    def __init__(self, prepared: Prepared, slowdown: float) -> None:
        self._prepared = prepared
        self._slowdown = slowdown
        self.surroundings, self.clock, self.verify = prepared.surroundings, prepared.clock, prepared.verify

    def place(self) -> Place:
        return _SlowedPlace(self._prepared.place(), self._slowdown)


class _SlowedPlace:
    def __init__(self, place: Place, slowdown: float) -> None:
        self.calls = [slowed(call, slowdown) for call in place.calls]
        self.before, self.after = place.before, place.after


def slowed(call: Call, slowdown: float) -> Call:
    """`call`, and then the share `slowdown` of what it took spent on nothing."""

    def longer() -> None:
        start = time.perf_counter()
        call()
        end = time.perf_counter()
        until = end + slowdown * (end - start)
        while time.perf_counter() < until:
            pass

    return longer
