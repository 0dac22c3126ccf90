"""Whether a kernel computes what its workload says: checked on seeded inputs, against a float64 reference."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.errors import WrongResult
from ..protocols import Array, FarWorkload, Kernel, TensorSpec, Workload

DISTRIBUTIONS = ("normal", "uniform", "integers")
"""Inputs of the successive cases: with cancellation; without it; and, for after the timing, small whole numbers, whose
sums are exact, so that one term too few or too many shows among any number of them."""

TIMED, OTHER, FRESH = range(len(DISTRIBUTIONS))
"""The case that calls are timed on, one that is checked before as well, and one that no kernel has seen before."""

ALIGNMENT = 64
"""Bytes: every buffer begins at a cache line."""

HUGE_PAGE, LARGE, ADVISED = 1 << 21, 1 << 20, 1 << 22
"""Bytes: a buffer of LARGE or more begins at a huge page, and is part of an allocation of at least ADVISED, for which
numpy asks for such pages. Small pages lie otherwise in every process, so that one kernel takes up to a fifth longer in
one than in another."""

BLOCK = 1 << 14
"""Elements that are compared at once: of float32 with float64, 0.4 MiB with what is computed on the way."""

MARGIN, MARK = 4096, 0xA5
"""Bytes around every buffer, and what they hold until a kernel writes outside of it."""


class Case(NamedTuple):
    """Inputs, what should come out, and how far off each element may be.

    A tuple, so that nobody can put other things in their place.
    """

    sets: tuple[tuple[Array, ...], ...]
    """The inputs, in each of the places that calls are to find them in."""
    expected: tuple[Array, ...]
    allowed: tuple[Array, ...]
    pristine: tuple[Array, ...]
    """Copies of the inputs that no kernel sees."""
    reference_seconds: float = 0.0
    """What it took to know what should come out."""

    @property
    def inputs(self) -> tuple[Array, ...]:
        """The first set."""
        return self.sets[0]

    @property
    def nbytes(self) -> int:
        """Bytes of all sets."""
        return sum(array.nbytes for arrays in self.sets for array in arrays)

    def moved(self) -> Case:
        """The same one in other memory."""
        return self._replace(sets=tuple(tuple(map(aligned, self.pristine)) for _ in self.sets))

    def check(self, kernel: Kernel, outputs: Sequence[Array]) -> None:
        """Run `kernel` once into poisoned `outputs`. Raises WrongResult, naming the first wrong element."""
        for output, expected in zip(outputs, self.expected, strict=True):
            poison(output)
            output[np.isnan(expected)] = 0  # where the poison would be right
        kernel.bind(self.inputs, outputs)()
        self.compare(outputs)

    def compare(self, outputs: Sequence[Array]) -> None:
        """Raises WrongResult unless every element is within tolerance and the inputs are as they were."""
        self.compare_buffers(outputs)
        self.compare_outputs(outputs)

    def compare_buffers(self, outputs: Sequence[Array]) -> None:
        """Raises WrongResult unless the inputs are as they were, and what is around all buffers."""
        inputs = [(number, array) for arrays in self.sets for number, array in enumerate(arrays)]
        written = [(number, used) for number, used in inputs if not same_bits(used, self.pristine[number])]
        for number, used in written:  # the next kernel is given these inputs too
            np.copyto(used, self.pristine[number])
        if written:
            raise WrongResult(f"the kernel wrote to input {written[0][0]}")
        if overrun := [array for array in (*(used for _, used in inputs), *outputs) if not _mark(array, renew=False)]:
            for array in overrun:
                _mark(array, renew=True)
            raise WrongResult("the kernel wrote outside of its buffers")

    def compare_outputs(self, outputs: Sequence[Array]) -> None:
        """Raises WrongResult unless every element is within tolerance, naming the first that is not."""
        for number, output in enumerate(outputs):
            expected, allowed = self.expected[number], self.allowed[number]
            wrong = np.concatenate([is_wrong(*block) for block in _blocks(output, expected, allowed)])
            if wrong.any():
                index = tuple(int(i) for i in np.unravel_index(np.argmax(wrong), output.shape))
                raise WrongResult(
                    f"output {number}: {int(wrong.sum())} of {wrong.size} elements are wrong, the first at {index}: "
                    f"{output[index]:.9g} instead of {expected[index]:.9g}"
                )


def same_bits(array: Array, other: Array) -> bool:
    """Whether two arrays of one shape and dtype hold the same, NaN and the sign of zero included."""
    word = np.uint8 if array.nbytes % 8 else np.uint64
    return bool((array.reshape(-1).view(word) == other.reshape(-1).view(word)).all())


def is_wrong(values: Array, expected: Array, allowed: Array) -> NDArray[np.bool_]:
    """Which elements are not within tolerance. What should be infinite or NaN must be just that."""
    with np.errstate(invalid="ignore"):  # infinity less infinity
        error = np.abs(values - expected)
    right = np.asarray(error <= allowed)  # which NaN is not
    if not right.all():
        right = right | (values == expected) | (np.isnan(values) & np.isnan(expected))
    return ~right


def _blocks(*arrays: Array) -> np.nditer:
    """The elements of arrays side by side, in order, so many at once that what is computed stays in the caches."""
    return np.nditer(arrays, ["external_loop", "buffered"], order="C", buffersize=BLOCK)


@functools.lru_cache(maxsize=8)
def case(workload: Workload, seed: int, number: int, sets: int = 1) -> Case:
    """The case of this number, with so many sets of its inputs; a worker makes each once."""
    return _case(workload, drawn(workload, seed, number), sets)


def _case(workload: Workload, inputs: Sequence[Array], sets: int) -> Case:
    start = time.perf_counter()
    expected = _sealed(workload.reference(*inputs))  # before the next is made: of a GPU's sizes they are gigabytes
    allowed = _sealed(workload.tolerance(*inputs))
    seconds = time.perf_counter() - start
    sets_of_inputs = tuple(tuple(map(aligned, inputs)) for _ in range(sets))
    return Case(sets_of_inputs, expected, allowed, _sealed(inputs), seconds)


def _sealed(arrays: Sequence[Array]) -> tuple[Array, ...]:
    """Copies that nobody can write to, whatever a kernel finds out about them."""
    return tuple(np.ndarray(array.shape, array.dtype, array.tobytes()) for array in arrays)


def drawn(workload: Workload, seed: int, number: int) -> tuple[Array, ...]:
    """The inputs of the case of this number, without a reference."""
    return workload.inputs(np.random.default_rng([seed, number]), DISTRIBUTIONS[number])


@functools.lru_cache(maxsize=8)
def far_case(workload: Workload, seed: int) -> Case | None:
    """The case of inputs far from all others; None of a workload that knows none. A worker makes it once."""
    rng = np.random.default_rng([seed, len(DISTRIBUTIONS)])
    inputs = workload.far_inputs(rng) if isinstance(workload, FarWorkload) else None
    return None if inputs is None else _case(workload, inputs, 1)


def aligned(array: Array) -> Array:
    """A copy of `array` in memory as `empty` gives it."""
    copy = empty(TensorSpec(array.shape, str(array.dtype))).view(array.dtype)
    copy[...] = array
    return copy


def empty(spec: TensorSpec) -> Array:
    """Memory for a tensor, beginning at a cache line, a large one at a huge page, with whatever it holds.

    That for booleans is of bytes, in which there is room for what is neither of them.
    """
    dtype = np.dtype("uint8" if spec.dtype == "bool" else spec.dtype)
    size = int(np.prod(spec.shape, dtype=np.int64)) * dtype.itemsize
    alignment, least = (HUGE_PAGE, ADVISED) if size >= LARGE else (ALIGNMENT, 0)
    memory = np.empty(max(size + 2 * MARGIN + alignment, least), np.uint8)
    start = MARGIN + -(memory.ctypes.data + MARGIN) % alignment
    array = memory[start : start + size].view(dtype).reshape(spec.shape)
    _mark(array, renew=True)
    return array


def _mark(array: Array, renew: bool) -> bool:
    """Whether the margins of a buffer made by `empty` hold their mark (after renewing it); other arrays have none."""
    memory = array.base
    if not isinstance(memory, np.ndarray) or memory.dtype != np.uint8 or memory.size < array.nbytes + 2 * MARGIN:
        return True
    start = array.ctypes.data - memory.ctypes.data
    end = start + array.nbytes
    margins = memory[start - MARGIN : start], memory[end : end + MARGIN]
    for margin in margins if renew else ():
        margin.fill(MARK)
    return all(bool((margin == MARK).all()) for margin in margins)


def unseen(kernel: Kernel, workload: Workload, rng: np.random.Generator) -> Callable[[], None]:
    """Run `kernel` once on inputs that `rng` draws now, in memory of their own; returns who judges what came out.

    That makes the reference, and only then: as long as the kernel runs, nobody knows the answer. It raises WrongResult.
    """
    pristine = workload.inputs(rng, DISTRIBUTIONS[TIMED])
    inputs, outputs = tuple(map(aligned, pristine)), [empty(spec) for spec in workload.outputs]
    for output in outputs:
        poison(output)
    kernel.bind(inputs, outputs)()

    def judge() -> None:
        Case((inputs,), workload.reference(*pristine), workload.tolerance(*pristine), pristine).compare(outputs)

    return judge


def poison(array: Array) -> None:
    """Fill with what no kernel computes."""
    array.fill(poison_of(array))


def poison_of(array: Array) -> complex | float | int:
    """What no kernel computes: NaN where the dtype has it, else its largest number."""
    if np.issubdtype(array.dtype, np.complexfloating):
        return complex(np.nan, np.nan)  # both parts, so that neither can be left out
    return int(np.iinfo(array.dtype).max) if np.issubdtype(array.dtype, np.integer) else float("nan")


def is_poisoned(array: Array) -> bool:
    """Whether nobody wrote to `array` since it was poisoned."""
    return bool((array == poison_of(array)).all() if np.issubdtype(array.dtype, np.integer) else np.isnan(array).all())
