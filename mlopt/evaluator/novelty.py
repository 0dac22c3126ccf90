"""Whether a kernel is as fast on inputs that it has never seen as on those that it knows.

Two kinds of calls take turns, in the same memory, which is written in the same way before each: one finds all as it
was at the call just before, the other finds values that it never saw. A kernel that computes takes the same time for
both, whatever the machine does meanwhile; one that recognises its inputs, or its own answer, does not. There are
several such trials, since a kernel may also look at when it was called last:

- from scratch: all inputs are written, and the outputs, with poison where the answer was;
- in passing: a call follows on another after no longer a pause than while time was taken, and finds as much of its
  inputs written as that allows, its outputs as they were;
- in a row, for short calls: many follow on one another, and each finds one other element in its inputs.
"""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.errors import WrongResult
from ..protocols import Array, Workload
from .correctness import DISTRIBUTIONS, TIMED, Case, is_poisoned, poison_of
from .timing import Call, Clock, on_the_wall, take

SLOWER = 1.25
"""How many times the lower quartile on known values that on new ones may be. A kernel that computes is soon below:
noise and changes of clocks meet both alike, and quartiles bear more of it than medians."""

FEWEST_PAIRS, MOST_PAIRS = 3, 16
ACQUITTED_SECONDS, CONVICTED_SECONDS = 0.1, 1.0
"""Time after which one pair is enough to acquit, and FEWEST_PAIRS to convict."""

ATTEMPTS = 3
"""How often in succession a kernel must be found guilty."""

KEPT_BITS = 3
"""Of the mantissa: new values differ by up to 1/8 from known ones, so that signs and magnitudes, and with them which
way a branch goes, mostly stay."""

TABLE = 1 << 16
"""Random numbers that are drawn at once, and repeated over larger inputs."""

WRITTEN = 1 << 19
"""Bytes of all inputs together that are written in passing: in less than the pause between two samples."""


Prepared = tuple[list[Array], Sequence[Call]]
"""The values that a call finds if they are new, and what is to be timed."""
Preparation = Callable[[bool], Prepared]
"""Of a call on new values, or on known ones."""


class Novelty:
    """A trial of `call`, which is bound to the first inputs of `case` and to `outputs`, and answers them rightly.

    `pauses` are some of those between samples while time was taken, in seconds; `repeat` is how many calls a sample
    had.
    """

    def __init__(
        self,
        call: Call,
        workload: Workload,
        case: Case,
        outputs: Sequence[Array],
        rng: np.random.Generator,
        pauses: Sequence[float] = (0.0,),
        repeat: int = 1,
        clock: Clock = on_the_wall,
    ) -> None:
        self._call = call
        self._workload = workload
        self._case = case
        self._outputs = outputs
        self._rng = rng
        self._pauses = tuple(pauses)
        self._repeat = repeat
        self._clock = clock
        self._poison = [np.full_like(output, poison_of(output)) for output in outputs]
        call()
        self._answer = [output.copy() for output in outputs]
        self._answers = {self._digest()}
        self._repeats = False
        """Whether the workload itself gives equal answers to different values."""

    def verify(self) -> None:
        """Raises WrongResult when the call is slower on values that it has not seen, or does not look at them."""
        for prepare in (self._from_scratch, self._in_passing, *([self._in_a_row] if self._repeat > 1 else [])):
            self._verify(prepare)

    def _verify(self, prepare: Preparation) -> None:
        ratio, self._repeats = 0.0, False
        try:
            for _ in range(ATTEMPTS):
                ratio = self._ratio(prepare)
                if ratio <= SLOWER:
                    return
        finally:
            self._lay(self._case.pristine, self._answer)
        raise WrongResult(
            f"the kernel remembers: on inputs that it has not seen, a call takes {ratio:.3g} times as long"
        )

    def _judge(self, values: Sequence[Array]) -> None:
        """Demand the right answer to new values where it is none, or one that was given to others before."""
        digest = self._digest()
        if digest not in self._answers and not any(map(is_poisoned, self._outputs)):
            self._answers.add(digest)
        elif not self._repeats:
            expected, allowed = self._workload.reference(*values), self._workload.tolerance(*values)
            try:
                Case(((),), expected, allowed, ()).compare_outputs(self._outputs)
            except WrongResult as error:
                raise WrongResult(f"on inputs that it has not seen: {error}") from None
            self._repeats = True

    def _digest(self) -> bytes:
        digest = hashlib.blake2b(digest_size=16)
        for output in self._outputs:
            digest.update(np.ascontiguousarray(output).reshape(-1).view(np.uint8).data)
        return digest.digest()

    def _ratio(self, prepare: Preparation) -> float:
        """How many times longer a call on new values takes than one on known values."""
        known: tuple[float, ...] = ()
        new: tuple[float, ...] = ()
        start = time.perf_counter()
        while len(new) < MOST_PAIRS:
            for is_new in map(bool, self._rng.permutation([False, True])):
                values, calls = prepare(is_new)
                seconds = (take(iter(calls), len(calls), clock=self._clock),)
                known, new = (known, new + seconds) if is_new else (known + seconds, new)
                if is_new:
                    self._judge(values)
            spent, many = time.perf_counter() - start, len(new) >= FEWEST_PAIRS
            ratio = float(np.quantile(new, 0.25) / np.quantile(known, 0.25))
            if (many or spent > ACQUITTED_SECONDS) if ratio <= SLOWER else (many and spent > CONVICTED_SECONDS):
                break
        return ratio

    def _from_scratch(self, is_new: bool) -> Prepared:
        """A call on new values alone, or on known ones."""
        self._lay(self._case.pristine, self._answer)
        self._call()
        known = self._case.pristine
        values = self._novel([self._shifted(array) for array in known])  # either way: the caches hold the same
        self._lay(values if is_new else known, self._poison if is_new else self._answer)
        return values, [self._call]

    def _in_passing(self, is_new: bool) -> Prepared:
        """A call just after another one, on inputs that are new in part, and as large a part as there is time for."""
        known, parts = self._case.pristine, [self._part(array) for array in self._case.pristine]
        old = [array.reshape(-1)[part].copy() for array, part in zip(known, parts, strict=True)]
        novel = self._novel(old, parts)
        where = [array.reshape(-1)[part] for array, part in zip(self._case.inputs, parts, strict=True)]
        values = [array.copy() for array in known] if is_new else []
        for array, part, other in zip(values, parts, novel, strict=False):
            array.reshape(-1)[part] = other
        self._lay(known, self._answer)
        self._call()
        until = time.perf_counter() + float(self._rng.choice(self._pauses))
        for array, value in zip(where, novel if is_new else old, strict=True):
            np.copyto(array, value)
        while time.perf_counter() < until:
            pass
        return values, [self._call]

    def _shifted(self, array: Array) -> Array:
        """The same elements in other places, so that no few of them tell that the others are nearly those known."""
        return np.roll(array, int(self._rng.integers(array.size))) if _is_real(array) else array

    def _part(self, array: Array) -> slice:
        """Of its elements in a row."""
        size = min(array.size, max(1, WRITTEN // (len(self._case.pristine) * array.itemsize)))
        start = int(self._rng.integers(array.size - size, endpoint=True))
        return slice(start, start + size)

    def _in_a_row(self, is_new: bool) -> Prepared:
        """Calls without a pause, each after one element of one input was written."""
        known = self._case.pristine
        values, novel, calls = [array.copy() for array in known], self._novel(known), list[Call]()
        for _ in range(self._repeat):
            number = int(self._rng.integers(len(known)))
            place = int(self._rng.integers(known[number].size))
            value = (novel if is_new else known)[number].reshape(-1)[place]
            values[number].reshape(-1)[place] = value
            calls += [functools.partial(self._case.inputs[number].reshape(-1).__setitem__, place, value), self._call]
        self._lay(known, self._answer)
        self._call()
        return values, calls

    def _lay(self, values: Sequence[Array], results: Sequence[Array]) -> None:
        for array, value in zip((*self._case.inputs, *self._outputs), (*values, *results), strict=True):
            np.copyto(array, value)

    def _novel(self, known: Sequence[Array], parts: Sequence[slice] = ()) -> list[Array]:
        """Other values, of these parts: real numbers vary a little; of whole ones, the workload alone knows which are
        allowed."""
        real = all(map(_is_real, known))
        drawn = known if real else self._workload.inputs(self._rng, DISTRIBUTIONS[TIMED])
        if parts and not real:
            drawn = [array.reshape(-1)[part] for array, part in zip(drawn, parts, strict=True)]
        return [varied(old, self._rng) if _is_real(old) else new for old, new in zip(known, drawn, strict=True)]


def varied(array: Array, rng: np.random.Generator) -> Array:
    """A copy of real or complex numbers with other low bits in every mantissa; zeros, subnormals, infinities stay."""
    real = array.real.dtype
    word, info = np.dtype(f"u{real.itemsize}"), _format(real)
    copy = np.array(array, order="C")
    bits = copy.reshape(-1).view(word)
    mask = word.type((1 << max(1, info.nmant - KEPT_BITS)) - 1)
    exponent = word.type((1 << (info.bits - 1)) - (1 << info.nmant))
    noise = np.resize(rng.integers(mask, size=min(TABLE, bits.size), dtype=word, endpoint=True), bits.size)
    ordinary = bits & exponent
    noise[(ordinary == 0) | (ordinary == exponent)] = 0
    bits ^= noise
    return copy


def _is_real(array: Array) -> bool:
    return array.real.dtype.kind in "fV"  # V: what ml_dtypes adds


def _format(dtype: np.dtype[Any]) -> Any:
    """numpy's `finfo`, of what ml_dtypes adds too."""
    if dtype.kind == "f":
        return np.finfo(dtype)
    import ml_dtypes

    return ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]
