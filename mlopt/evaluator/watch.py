"""A kernel under watch, from its first timed call to the last: it must compute in each of them, and nothing else.

What a kernel may do in order to look fast, and what of it shows:

- It ceases to compute once it is timed, or writes when the clock has stopped: a few elements of the outputs, others
  each time, are poisoned before a sample, and are right when it has ended.
- It leaves out a call that follows closely on another: where a sample is many calls, an element is poisoned between
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
import time
from collections.abc import Sequence

import numpy as np

from ..core.errors import WrongResult
from ..protocols import Array, Kernel, Workload
from .correctness import Case, is_wrong, poison, poison_of
from .novelty import Novelty
from .prying import FEWEST, prying
from .threads import Threads
from .timing import Call, calls_per_sample, take

CANARIES = 4
"""Elements of each output that are poisoned before a sample."""

FIRST_SURPRISES = 5
"""The first surprise comes before one of so many samples; the distance to the next one doubles."""

REPEATED_CALLS = 12
"""What is beyond one call on fresh inputs makes about so many."""


class Watch:
    """The calls of one kernel on the inputs of a case, found right on them before, and what becomes of its outputs.

    `strange` are inputs that the kernel has not seen. `rng` chooses what the kernel must not foresee. `patience` is how
    many seconds REPEATED_CALLS may take. `threads` may be shared by several watches of the kernel.
    """

    def __init__(
        self,
        workload: Workload,
        kernel: Kernel,
        timed: Case,
        outputs: Sequence[Array],
        rng: np.random.Generator,
        strange: Sequence[Array],
        patience: float,
        threads: Threads,
    ) -> None:
        self.calls = [kernel.bind(inputs, outputs) for inputs in timed.sets]
        self._workload = workload
        self._timed = timed
        self.outputs = outputs
        self._rng = rng
        self._strange = strange
        self._patience = patience
        self._threads = threads
        self._answers: list[list[Array]] = []
        """To the strange inputs; what is equal to the one before is not kept."""
        self._canaries: list[Array] = []
        self._samples = self._pried = 0
        self._next_surprise = int(rng.integers(1, FIRST_SURPRISES))
        self._start, self._call_seconds = 0.0, float("inf")
        self._poison()

    @property
    def bears_repetition(self) -> bool:
        """Whether its fastest call is short enough for REPEATED_CALLS of it."""
        return REPEATED_CALLS * self._call_seconds <= self._patience

    def before(self, calls: Sequence[Call]) -> Sequence[Call]:
        """Poison a few elements of the outputs, one of them not before some of the `calls`."""
        self._canaries = [self._rng.integers(output.size, size=CANARIES) for output in self.outputs]
        for output, places in zip(self.outputs, self._canaries, strict=True):
            output.reshape(-1)[places] = poison_of(output)
        calls = calls if len(calls) == 1 else self._interrupted(calls)
        prying().listen()
        self._threads.begin()
        self._start = time.perf_counter()
        return calls

    def _interrupted(self, calls: Sequence[Call]) -> Sequence[Call]:
        """`calls`, with the poisoning of an element between two of them, before the last as often as elsewhere."""
        number = int(self._rng.integers(len(self.outputs)))
        output, place = self.outputs[number], self._canaries[number][0]
        spoil = functools.partial(output.reshape(-1).__setitem__, place, output.dtype.type(poison_of(output)))
        last = len(calls) - 1
        after = last if self._rng.integers(2) else int(self._rng.integers(1, last, endpoint=True))
        return [*calls[:after], spoil, *calls[after:]]

    def after(self) -> None:
        """Raises WrongResult unless they are right now; now and then, changes the inputs without a warning."""
        self._call_seconds = min(self._call_seconds, time.perf_counter() - self._start)
        self._threads.end()
        self._pried += prying().heard()
        for number, (output, places) in enumerate(zip(self.outputs, self._canaries, strict=True)):
            expected = self._timed.expected[number].flat[places]
            allowed = np.broadcast_to(self._timed.allowed[number], output.shape).flat[places]
            if is_wrong(output.reshape(-1)[places], expected, allowed).any():
                self._timed.compare(self.outputs)
                raise WrongResult(f"output {number} was not complete when the call returned")
        self._samples += 1
        if self._samples == self._next_surprise:
            self._next_surprise += int(self._rng.integers(self._samples, 2 * self._samples, endpoint=True))
            if self.bears_repetition:
                self._surprise()

    def _surprise(self) -> None:
        """Make the very next call on strange inputs where it finds the known ones. Raises WrongResult."""
        number = int(self._rng.integers(len(self.calls)))
        used = self._timed.sets[number]
        self._timed.compare_buffers(self.outputs)
        _fill(used, self._strange)
        self._poison()
        self.calls[number]()
        unchanged = all(map(np.array_equal, used, self._strange))
        _fill(used, self._timed.pristine)
        if not unchanged:
            raise WrongResult("on other inputs in the same place: the kernel wrote to its inputs")
        equal = functools.partial(np.array_equal, equal_nan=True)
        if not self._answers or not all(map(equal, self._answers[-1], self.outputs)):
            self._answers.append([output.copy() for output in self.outputs])
        self._poison()
        self.calls[number]()

    def verify(self, fresh: Case, contends: bool = True) -> None:
        """Look at what the last timed call left, then demand right answers, and no slower ones, on other inputs.

        `fresh` is the case of the strange inputs. A kernel that does not contend is spared further calls. Raises
        WrongResult.
        """
        self._timed.compare(self.outputs)
        if self._pried >= FEWEST and 2 * self._pried > self._samples:
            raise WrongResult("the kernel looks at who calls it, or at what others hold")
        repeats = contends and self.bears_repetition
        if repeats:
            self._count_threads()
            for _ in range(self._rng.integers(1, FIRST_SURPRISES)):
                self.calls[0]()
            self._surprise()
        for answer in self._answers:
            try:
                fresh.compare_outputs(answer)
            except WrongResult as error:
                raise WrongResult(f"on other inputs in the same place: {error}") from None
        if repeats:
            Novelty(self.calls[0], self._workload, self._timed, self.outputs, self._rng).verify()

    def _count_threads(self) -> None:
        """Go on as if time were taken until it is known how many threads compute. Raises WrongResult."""
        turns = itertools.cycle(self.calls)
        repeat = calls_per_sample(self._call_seconds)
        while self._threads.in_doubt:
            take(turns, repeat, observer=self)
        self._threads.verify()

    def _poison(self) -> None:
        for output in self.outputs:
            poison(output)


def _fill(arrays: Sequence[Array], values: Sequence[Array]) -> None:
    for array, value in zip(arrays, values, strict=True):
        np.copyto(array, value)
