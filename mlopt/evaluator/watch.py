"""A kernel under watch, from its first timed call to the last: it must compute in each of them, and nothing else.

What a kernel may do in order to look fast, and what of it shows:

- It ceases to compute once it is timed, or writes when the clock has stopped: a few elements of the outputs, others
  each time, are poisoned before a sample, and are right when it has ended.
- It gives an earlier answer, known by address, count of calls or time since the last: in the middle of the timing, and
  without a pause, other inputs lie where it finds the known ones.
- It knows answers by what the inputs are: its calls are slower on inputs that it has not seen (`novelty.py`).
- It has the answers from us, or brings them along: a reference that was made after the kernel had run (`unseen`).
- It goes on when its calls have returned (`stillness.py`), or changes the process that times it (`surroundings.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.errors import WrongResult
from ..protocols import Array, Kernel, Workload
from .correctness import Case, poison, poison_of
from .novelty import Novelty

CANARIES = 4
"""Elements of each output that are poisoned before a sample."""

FIRST_SURPRISES = 5
"""The first surprise comes before one of so many samples; the distance to the next one doubles."""


class Watch:
    """The calls of one kernel on the inputs of a case, found right on them before, and what becomes of its outputs.

    `fresh` is a case that the kernel has not seen; None where there is none until the timing is over. `rng` chooses
    what the kernel must not foresee.
    """

    def __init__(
        self,
        workload: Workload,
        kernel: Kernel,
        timed: Case,
        outputs: Sequence[Array],
        rng: np.random.Generator,
        fresh: Case | None = None,
    ) -> None:
        self.calls = [kernel.bind(inputs, outputs) for inputs in timed.sets]
        self._workload = workload
        self._timed = timed
        self._outputs = outputs
        self._rng = rng
        self._fresh = fresh
        self._canaries: list[Array] = []
        self._samples = 0
        self._next_surprise = int(rng.integers(1, FIRST_SURPRISES))
        self._poison()

    def before(self) -> None:
        """Poison a few elements of the outputs."""
        self._canaries = [self._rng.integers(output.size, size=CANARIES) for output in self._outputs]
        for output, places in zip(self._outputs, self._canaries, strict=True):
            output.reshape(-1)[places] = poison_of(output)

    def after(self) -> None:
        """Raises WrongResult unless they are right now; now and then, changes the inputs without a warning."""
        for number, (output, places) in enumerate(zip(self._outputs, self._canaries, strict=True)):
            error = np.abs(output.reshape(-1)[places] - self._timed.expected[number].flat[places])
            allowed = np.broadcast_to(self._timed.allowed[number], output.shape).flat[places]
            if not (error <= allowed).all():  # so that NaN is wrong
                self._timed.compare(self._outputs)
                raise WrongResult(f"output {number} was not complete when the call returned")
        self._samples += 1
        if self._fresh is not None and self._samples == self._next_surprise:
            self._next_surprise += int(self._rng.integers(self._samples, 2 * self._samples, endpoint=True))
            self._surprise(self._fresh)

    def _surprise(self, fresh: Case) -> None:
        """Make the very next call on `fresh` inputs where it finds the known ones. Raises WrongResult."""
        number = int(self._rng.integers(len(self.calls)))
        used = self._timed.sets[number]
        self._timed.compare_buffers(self._outputs)
        _fill(used, fresh.pristine)
        self._poison()
        self.calls[number]()
        try:
            fresh.compare_outputs(self._outputs)
            if not all(map(np.array_equal, used, fresh.pristine)):
                raise WrongResult("the kernel wrote to its inputs")
        except WrongResult as error:
            raise WrongResult(f"on other inputs in the same place: {error}") from None
        finally:
            _fill(used, self._timed.pristine)
        self._poison()
        self.calls[number]()

    def verify(self, fresh: Case) -> None:
        """Look at what the last timed call left, then demand right answers, and no slower ones, on other inputs.

        Raises WrongResult.
        """
        self._timed.compare(self._outputs)
        for _ in range(self._rng.integers(1, FIRST_SURPRISES)):
            self.calls[0]()
        self._surprise(fresh)
        Novelty(self.calls[0], self._workload, self._timed, self._outputs, self._rng).verify()

    def _poison(self) -> None:
        for output in self._outputs:
            poison(output)


def _fill(arrays: Sequence[Array], values: Sequence[Array]) -> None:
    for array, value in zip(arrays, values, strict=True):
        np.copyto(array, value)
