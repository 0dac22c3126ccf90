"""Whether a kernel is as fast on inputs that it has never seen as on those that it knows.

Two kinds of calls take turns, in the same memory, which is written in the same way before each: one finds all as it
was at the call just before, the other finds values that it never saw, and poison where the answer was. A kernel that
computes takes the same time for both, whatever the machine does meanwhile; one that recognises its inputs, or its own
answer, does not.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import WrongResult
from ..protocols import Array, Workload
from .correctness import DISTRIBUTIONS, TIMED, Case, is_poisoned, poison_of
from .timing import Call, take

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

DIGEST = 256
"""Elements of an output, at least, by which two answers are told from each other."""

TABLE = 1 << 16
"""Random numbers that are drawn at once, and repeated over larger inputs."""


class Novelty:
    """A trial of `call`, which is bound to the first inputs of `case` and to `outputs`, and answers them rightly."""

    def __init__(
        self, call: Call, workload: Workload, case: Case, outputs: Sequence[Array], rng: np.random.Generator
    ) -> None:
        self._call = call
        self._workload = workload
        self._case = case
        self._outputs = outputs
        self._rng = rng
        self._poison = [np.full_like(output, poison_of(output)) for output in outputs]
        call()
        self._answer = [output.copy() for output in outputs]
        self._answers = {self._digest()}
        self._repeats = False
        """Whether the workload itself gives equal answers to different values."""

    def verify(self) -> None:
        """Raises WrongResult when the call is slower on values that it has not seen, or does not look at them."""
        try:
            ratio = 0.0
            for _ in range(ATTEMPTS):
                ratio = self._ratio()
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
        return b"".join(o.reshape(-1)[:: max(1, o.size // DIGEST)].tobytes() for o in self._outputs)

    def _ratio(self) -> float:
        """How many times longer a call on new values takes than one on known values."""
        known: list[float] = []
        new: list[float] = []
        start = time.perf_counter()
        while len(new) < MOST_PAIRS:
            for is_new in self._rng.permutation([False, True]):
                self._lay(self._case.pristine, self._answer)
                self._call()
                values = self._novel()  # either way, so that the caches hold the same
                self._lay(values if is_new else self._case.pristine, self._poison if is_new else self._answer)
                (new if is_new else known).append(take(itertools.cycle([self._call]), 1))
                if is_new:
                    self._judge(values)
            spent, many = time.perf_counter() - start, len(new) >= FEWEST_PAIRS
            ratio = float(np.quantile(new, 0.25) / np.quantile(known, 0.25))
            if (many or spent > ACQUITTED_SECONDS) if ratio <= SLOWER else (many and spent > CONVICTED_SECONDS):
                break
        return ratio

    def _lay(self, values: Sequence[Array], results: Sequence[Array]) -> None:
        for array, value in zip((*self._case.inputs, *self._outputs), (*values, *results), strict=True):
            np.copyto(array, value)

    def _novel(self) -> list[Array]:
        """Other values: real numbers vary a little; of whole ones, only the workload knows which are allowed."""
        known = self._case.pristine
        drawn = known if all(map(_is_real, known)) else self._workload.inputs(self._rng, DISTRIBUTIONS[TIMED])
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
