"""A kernel under watch, from its first timed call to the last: it must compute in each of them, and nothing else.

What a kernel may do in order to look fast, and what of it shows:

- It ceases to compute once it is timed, or writes when the clock has stopped: a few elements of the outputs, others
  each time, are spoiled before a sample, with poison or with what stands elsewhere, and are right when it has ended.
- It leaves out a call that follows closely on another: where a sample is many calls, an element is spoiled between
  two of them, in a twentieth of a microsecond.
- It gives an earlier answer, known by address, count of calls or time since the last: in the middle of the timing, and
  without a pause, other inputs lie where it finds the known ones.
- It knows answers by what the inputs are: its calls are slower on inputs that it has not seen (`novelty.py`).
- It has the answers from us, or brings them along: a reference that was made after the kernel had run (`unseen`).
- It looks at who calls it, and computes for those who check (`prying.py`).
- It computes on more threads than it was given: its calls take more CPU time than these have (`threads.py`).
- It goes on when its calls have returned (`stillness.py`), or changes the process that times it (`surroundings.py`).

Some of this takes further calls, about REPEATED_CALLS. A kernel whose calls are too long for that is spared them.
"""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..core.errors import WrongResult
from ..protocols import Array, Kernel, Workload
from .correctness import Case, is_wrong, poison, poison_of, same_bits
from .novelty import Novelty
from .prying import FEWEST, prying
from .threads import Threads
from .timing import Call, Clock, on_the_wall, take

CANARIES = 4
"""Elements of each output that are spoiled before a sample."""

FIRST_SURPRISES = 5
"""The first surprise comes before one of so many samples; the distance to the next one doubles."""

REPEATED_CALLS = 16
"""What is beyond one call on fresh inputs makes about so many."""

PAUSES = 64
"""That are remembered."""


@dataclass(slots=True)
class Seen:
    """What a watch has seen so far."""

    next_surprise: int
    """The number of the sample after which it comes."""
    answers: list[list[Array]] = field(default_factory=list)
    """To the strange inputs; what is equal to the one before is not kept."""
    canaries: list[Array] = field(default_factory=list)
    samples: int = 0
    pried: int = 0
    """Samples in which the kernel looked at who calls it."""
    start: float = 0.0
    end: float = math.nan
    """When the last sample began and ended; NaN where something else has come since."""
    pauses: tuple[float, ...] = ()
    """Seconds between two samples."""
    repeat: int = 1
    """Calls of the last sample."""
    call_seconds: float = math.inf
    """The fastest sample; as many calls as it had are not slower."""


class Watch(NamedTuple):
    """The calls of one kernel on the inputs of a case, found right on them before, and what becomes of its outputs.

    A tuple, so that nobody can change what it is made of; made by `watched`.
    """

    workload: Workload
    timed: Case
    calls: tuple[Call, ...]
    outputs: tuple[Array, ...]
    rng: np.random.Generator
    """Chooses what the kernel must not foresee."""
    strange: tuple[Array, ...]
    """Inputs that the kernel has not seen."""
    patience: float
    """How many seconds REPEATED_CALLS may take."""
    threads: Threads
    """May be shared by several watches of the kernel."""
    clock: Clock
    seen: Seen

    @property
    def bears_repetition(self) -> bool:
        """Whether its fastest call is short enough for REPEATED_CALLS of it."""
        return REPEATED_CALLS * self.seen.call_seconds <= self.patience

    def before(self, calls: Sequence[Call]) -> Sequence[Call]:
        """Spoil a few elements of the outputs, one of them not before some of the `calls`."""
        seen = self.seen
        seen.canaries = [self.rng.integers(output.size, size=CANARIES) for output in self.outputs]
        for number, (output, places) in enumerate(zip(self.outputs, seen.canaries, strict=True)):
            output.reshape(-1)[places] = self._wrong(number, places)
        seen.repeat = len(calls)
        calls = calls if len(calls) == 1 else self._interrupted(calls)
        prying().listen()
        self.threads.begin()
        seen.start = time.perf_counter()
        if seen.start > seen.end:  # not where that is NaN
            seen.pauses = (*seen.pauses, seen.start - seen.end)[-PAUSES:]
        return calls

    def _wrong(self, number: int, places: Array) -> Array:
        """What is wrong in these places of an output: poison, or as often what other places hold, which looks right."""
        output = self.outputs[number].reshape(-1)
        poisoned = np.full(len(places), poison_of(output), output.dtype)
        if self.rng.integers(2):
            return poisoned
        others = output[self.rng.integers(output.size, size=len(places))]
        return np.where(self._is_wrong(number, places, others), others, poisoned)

    def _is_wrong(self, number: int, places: Array, values: Array) -> Array:
        expected, allowed = self.timed.expected[number], self.timed.allowed[number]
        return is_wrong(values, expected.flat[places], np.broadcast_to(allowed, expected.shape).flat[places])

    def _interrupted(self, calls: Sequence[Call]) -> Sequence[Call]:
        """`calls`, with the spoiling of an element between two of them, before the last as often as elsewhere."""
        number = int(self.rng.integers(len(self.outputs)))
        places = self.seen.canaries[number][:1]
        wrong = self._wrong(number, places)
        spoil = functools.partial(self.outputs[number].reshape(-1).__setitem__, int(places[0]), wrong[0])
        last = len(calls) - 1
        after = last if self.rng.integers(2) else int(self.rng.integers(1, last, endpoint=True))
        return [*calls[:after], spoil, *calls[after:]]

    def after(self) -> None:
        """Raises WrongResult unless they are right now; now and then, changes the inputs without a warning."""
        seen = self.seen
        end = time.perf_counter()
        seen.call_seconds = min(seen.call_seconds, end - seen.start)
        self.threads.end()
        seen.pried += prying().heard()
        for number, (output, places) in enumerate(zip(self.outputs, seen.canaries, strict=True)):
            if self._is_wrong(number, places, output.reshape(-1)[places]).any():
                self.timed.compare(self.outputs)
                raise WrongResult(f"output {number} was not complete when the call returned")
        seen.samples += 1
        seen.end = end
        if seen.samples == seen.next_surprise:
            seen.next_surprise += int(self.rng.integers(seen.samples, 2 * seen.samples, endpoint=True))
            if self.bears_repetition:
                self._surprise()

    def _surprise(self) -> None:
        """Make the very next call on strange inputs where it finds the known ones. Raises WrongResult."""
        number = int(self.rng.integers(len(self.calls)))
        used = self.timed.sets[number]
        self.timed.compare_buffers(self.outputs)
        _fill(used, self.strange)
        self._poison()
        self.calls[number]()
        unchanged = all(map(same_bits, used, self.strange))
        _fill(used, self.timed.pristine)
        if not unchanged:
            raise WrongResult("on other inputs in the same place: the kernel wrote to its inputs")
        answers = self.seen.answers
        if not answers or not all(map(same_bits, answers[-1], self.outputs)):
            answers.append([output.copy() for output in self.outputs])
        self._poison()
        self.calls[number]()
        self.seen.end = math.nan

    def verify(self, fresh: Case, contends: bool = True) -> None:
        """Look at what the last timed call left, then demand right answers, and no slower ones, on other inputs.

        `fresh` is the case of the strange inputs. A kernel that does not contend is spared further calls. Raises
        WrongResult.
        """
        self.timed.compare(self.outputs)
        if self.seen.pried >= FEWEST and 2 * self.seen.pried > self.seen.samples:
            raise WrongResult("the kernel looks at who calls it, or at what others hold")
        repeats = contends and self.bears_repetition
        if repeats:
            self._count_threads()
            prying().listen()  # to searches: who looks at its caller has been found
            for _ in range(self.rng.integers(1, FIRST_SURPRISES)):
                self.calls[0]()
            self._surprise()
        for answer in self.seen.answers:
            try:
                fresh.compare_outputs(answer)
            except WrongResult as error:
                raise WrongResult(f"on other inputs in the same place: {error}") from None
        if repeats:
            self._novelty().verify()
            prying().heard()

    def _novelty(self) -> Novelty:
        seen, case = self.seen, self.timed
        pauses, repeat = seen.pauses or (0.0,), seen.repeat
        return Novelty(self.calls[0], self.workload, case, self.outputs, self.rng, pauses, repeat, self.clock)

    def _count_threads(self) -> None:
        """Go on as if time were taken until it is known how many threads compute. Raises WrongResult."""
        turns = itertools.cycle(self.calls)
        repeat = self.seen.repeat
        while self.threads.in_doubt:
            take(turns, repeat, observer=self, clock=self.clock)
        self.threads.verify()

    def _poison(self) -> None:
        for output in self.outputs:
            poison(output)


def watched(
    workload: Workload,
    kernel: Kernel,
    timed: Case,
    outputs: Sequence[Array],
    rng: np.random.Generator,
    strange: Sequence[Array],
    patience: float,
    threads: Threads,
    clock: Clock = on_the_wall,
) -> Watch:
    """Bind `kernel` to each set of inputs of `timed` and to `outputs`, which are poisoned."""
    prying().listen()
    calls = tuple(kernel.bind(inputs, outputs) for inputs in timed.sets)
    prying().heard()
    seen = Seen(int(rng.integers(1, FIRST_SURPRISES)))
    watch = Watch(workload, timed, calls, tuple(outputs), rng, tuple(strange), patience, threads, clock, seen)
    watch._poison()
    return watch


def _fill(arrays: Sequence[Array], values: Sequence[Array]) -> None:
    for array, value in zip(arrays, values, strict=True):
        np.copyto(array, value)
