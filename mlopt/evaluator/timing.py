"""How a kernel's time is taken: warm-up, then repetition until the answer is precise enough or beyond hope."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..core.statistics import Estimate

Call = Callable[[], None]

SAMPLE_SECONDS = 5e-5
"""A sample spans at least this much, over several calls of a fast kernel: far above the clock's resolution."""

WARM_UP_SECONDS = 2e-3
FEWEST_SAMPLES, MOST_SAMPLES = 6, 50
"""The fewest for a 95 % interval of the median; and after which the rest is left to the finals."""

MOST_SUBTRACTED = 0.05
"""Share of a measured time. A kernel so short that its call costs more than this cannot be told from its call."""

HOPELESS = 2.0
"""A kernel whose fastest of three calls is this much slower than the best is not timed further."""


@runtime_checkable
class ClockedCall(Protocol):
    """A call whose time another clock takes, such as that of the GPU it launches its work on."""

    def __call__(self) -> None: ...
    def elapsed(self) -> float:
        """Seconds by that clock of all calls since this was asked last."""


Clock = Callable[[Sequence[Call]], float]
"""Makes calls one after another, and says how many seconds they have taken."""


def on_the_wall(calls: Sequence[Call]) -> float:
    """The clock of everything that computes on the CPU."""
    now = time.perf_counter  # looked up once: whoever replaces it does not do so between the two readings
    start = now()
    for call in calls:
        call()
    return now() - start


def of_a_device(calls: Sequence[Call]) -> float:
    """The clock that the calls bring along, if they do: only to be believed of a backend whose device has one."""
    clocked = [call for call in dict.fromkeys(calls) if isinstance(call, ClockedCall)]
    for one in clocked:
        one.elapsed()  # of what was called since, and not timed
    seconds = on_the_wall(calls)
    return sum(one.elapsed() for one in clocked) if clocked else seconds


class Observer(Protocol):
    """Who looks at what a kernel does in a sample, while no clock runs."""

    def before(self, calls: Sequence[Call]) -> Sequence[Call]:
        """A sample of `calls` is about to begin; returns them, and what is to be done between them."""

    def after(self) -> None:
        """A sample has just ended. Raises WrongResult."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Where timing ends early, for a kernel that is not among the fastest."""

    seconds: float
    """It is reached after so much time,"""
    precision: float
    """or when the time is known so well;"""
    times_best: float
    """and passed by kernels that take at most so many times as long as the best."""

    def stops(self, estimate: Estimate, spent: float, best: float) -> bool:
        """Whether a kernel that was timed for `spent` seconds has come to the gate and does not pass it."""
        reached = spent >= self.seconds or estimate.precision <= self.precision
        return reached and estimate.seconds > self.times_best * best


@dataclass(frozen=True, slots=True)
class Timer:
    """Times calls; `precision` is the relative half-width of the 95 % interval that is aimed at."""

    precision: float
    seconds: float
    """Time given to one kernel at most, beyond FEWEST_SAMPLES."""
    gates: Sequence[Gate] = ()
    clock: Clock = on_the_wall

    def samples(
        self, calls: Sequence[Call], overhead: float, best: float | None = None, observer: Observer | None = None
    ) -> tuple[float, ...]:
        """Seconds of one call, many times over; `calls` are taken in turn (one: inputs stay in the caches).

        Ends when the interval is precise, when it lies above `best`, at a gate, or when the time or MOST_SAMPLES are
        over.
        """
        turns = itertools.cycle(calls)
        repeat = self._warm_up(turns)
        samples: tuple[float, ...] = ()  # which nobody can change in place
        start = time.perf_counter()
        while not self._enough(samples, best, time.perf_counter() - start):
            samples += (take(turns, repeat, overhead, observer, self.clock),)
        return samples

    def _warm_up(self, turns: Iterator[Call]) -> int:
        """Run until caches, page tables and clocks are warm; returns how many calls make one sample."""
        end = time.perf_counter() + WARM_UP_SECONDS
        fastest = take(turns, 1, clock=self.clock)
        while time.perf_counter() < end:
            fastest = min(fastest, take(turns, 1, clock=self.clock))
        return calls_per_sample(fastest)

    def _enough(self, samples: Sequence[float], best: float | None, spent: float) -> bool:
        count = len(samples)
        late = spent >= self.seconds or count >= MOST_SAMPLES
        if count == 3 and is_hopeless(samples, best):
            return True
        # Every few samples: an estimate costs more than a fast kernel.
        if count < FEWEST_SAMPLES or (count % FEWEST_SAMPLES and not late):
            return False
        estimate = Estimate.of(samples)
        if late or estimate.precision <= self.precision:
            return True
        if best is None:
            return False
        return estimate.low > best or any(gate.stops(estimate, spent, best) for gate in self.gates)


def is_hopeless(samples: Sequence[float], best: float | None) -> bool:
    """Whether a kernel that takes so many seconds is far from being the best."""
    return best is not None and min(samples) > HOPELESS * best


def calls_per_sample(seconds: float) -> int:
    """How many calls of `seconds` each make one sample."""
    return max(1, round(SAMPLE_SECONDS / max(seconds, 1e-9)))


def take(
    turns: Iterator[Call],
    repeat: int,
    overhead: float = 0.0,
    observer: Observer | None = None,
    clock: Clock = on_the_wall,
) -> float:
    """Seconds of one call, averaged over `repeat` of them, net of the call's own `overhead`."""
    calls: Sequence[Call] = list(itertools.islice(turns, repeat))
    if observer is not None:
        calls = observer.before(calls)
    seconds = clock(calls)
    if observer is not None:
        observer.after()
    return net(seconds / repeat, overhead)


def net(seconds: float, overhead: float) -> float:
    """`seconds` less the call's own overhead, but never less by more than MOST_SUBTRACTED of it."""
    return seconds - min(overhead, MOST_SUBTRACTED * seconds)
