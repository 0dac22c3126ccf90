"""A decision to be made, as numbers that mean the same for every program and space.

The nests are encoded as in MLIR-RL (arXiv 2409.11068): bounds, iterator types, matrices of loads and stores, counts of
arithmetic. Knobs and words are told by hashed words, so that a policy can be asked about knobs that it never saw.
"""

from __future__ import annotations

import functools
import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.nests import Nest, Operand, Subject
from ...core.schedule import Decision, Schedule
from ...core.space import Knob
from ...protocols import NestedSpace, Space

Vector = NDArray[np.float32]

LOOPS, RANK, READS = 8, 6, 3
"""Loops of a nest, subscripts of a tensor, and tensors read that are seen; what is beyond them is not."""

WORDS = 64
"""Buckets of the words in a knob's name."""
VALUES = 32
"""Buckets of values that are words."""

ARITHMETIC = ("add|sub", "mul", "div", "fma", "max|min", "cmp|select", "exp|tanh|erf|log|sqrt|pow", "ext|trunc|cast")
"""Kinds of arithmetic, as parts of operations' names."""

LARGEST = 20.0
"""Logarithm of sizes, roughly: what numbers are divided by."""

_OPERAND = RANK * LOOPS + 1
NEST = LOOPS * 3 + (READS + 1) * _OPERAND + len(ARITHMETIC) + 1
"""Numbers of a nest."""
KNOB = WORDS + LOOPS + 4 + 2
"""Numbers of a knob: its words, its loop, its kind, how many options there are, and how far the path has come."""
OPTION = VALUES + 8
"""Numbers of an option."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One step of an episode, as the policy sees it."""

    nest: Vector
    """Shape (NEST,): the nest that is decided about; zeros where it is the program as a whole."""
    producer: Vector
    """Shape (NEST,): the nest that it reads from."""
    knob: Vector
    """Shape (KNOB,)."""
    here: Vector
    """Shape (KNOB + OPTION,): the sum over the decisions that were made about this nest."""
    before: Vector
    """Shape (KNOB + OPTION,): the mean over all decisions so far."""
    options: Vector
    """Shape (options, OPTION)."""


class Encoder:
    """Encodes the way down one space; as many encoders may be at work as there are episodes."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._knobs = {knob.name: knob for knob in space.knobs}
        self._deepest = max(1, len(space.knobs))
        self._made: list[tuple[Nest | None, Vector]] = []
        """For each decision so far: what nest it was about, and its numbers."""
        self._nest: Nest | None = None
        """That of the last choice."""

    def choice(self, prefix: Schedule, options: Sequence[Decision]) -> Choice:
        """What there is to decide after `prefix`, whose decisions this encoder was told of (`decided`)."""
        told = self._space.subject(prefix) if isinstance(self._space, NestedSpace) else None
        nest = self._nest = told.nest if told else None
        size = told.nest.sizes[told.loop] if told and told.loop is not None else None
        knob = self._knobs[options[0].knob]
        made = [vector for _, vector in self._made]
        here = [vector for about, vector in self._made if about == nest]
        none = np.zeros(KNOB + OPTION, dtype=np.float32)
        return Choice(
            nest=_nest(nest),
            producer=_nest(told.producer if told else None),
            knob=self._knob(knob, told, len(options), len(prefix)),
            here=np.sum(here, axis=0, dtype=np.float32) if here else none,
            before=np.mean(made, axis=0, dtype=np.float32) if made else none,
            options=np.stack([_option(option, index, len(options), size) for index, option in enumerate(options)]),
        )

    def decided(self, choice: Choice, index: int) -> None:
        """That option `index` of `choice`, the last one, was taken."""
        self._made.append((self._nest, np.concatenate([choice.knob, choice.options[index]])))

    def _knob(self, knob: Knob, told: Subject | None, options: int, depth: int) -> Vector:
        loop = np.zeros(LOOPS, dtype=np.float32)
        if told and told.loop is not None and told.loop < LOOPS:
            loop[told.loop] = 1.0
        kinds = [float(knob.kind == kind) for kind in ("categorical", "ordinal", "log2", "permutation")]
        words = _words(re.split(r"[._]", re.sub(r"^[a-z]+\d+\.", "", knob.name)), WORDS)
        return np.concatenate([words, loop, np.array([*kinds, options / 16, depth / self._deepest], dtype=np.float32)])


def _words(words: Sequence[str], buckets: int) -> Vector:
    """How often each bucket is hit."""
    counts = np.zeros(buckets, dtype=np.float32)
    for word in words:
        counts[zlib.crc32(word.encode()) % buckets] += 1.0
    return counts


def _placed(words: Sequence[str]) -> Sequence[str]:
    """One word as it is; several, such as the loops of an order, each with its place."""
    return words if len(words) == 1 else [f"{place} {word}" for place, word in enumerate(words)]


def _option(option: Decision, index: int, count: int, size: int | None) -> Vector:
    value = option.value
    number = float(value) if not isinstance(value, (str, bool)) and math.isfinite(value) else None
    log = math.log2(max(number, 0.0) + 1.0) if number is not None else 0.0
    place = index / max(1, count - 1)
    relative = whole = divides = 0.0
    if number and number > 0 and size:
        relative = (math.log2(number) - math.log2(size)) / LARGEST
        whole, divides = float(number >= size), float(size % number == 0)
    plain = [float(number is not None), log / LARGEST, relative, whole, divides, place, float(value is True), 1.0]
    words = _words(_placed(value.split()), VALUES) if isinstance(value, str) else np.zeros(VALUES, dtype=np.float32)
    return np.concatenate([words, np.array(plain, dtype=np.float32)])


@functools.lru_cache(maxsize=1024)
def _nest(nest: Nest | None) -> Vector:
    """Shape (NEST,); zeros for no nest."""
    if nest is None:
        return np.zeros(NEST, dtype=np.float32)
    loops = np.zeros((LOOPS, 3), dtype=np.float32)
    for loop, size in enumerate(nest.sizes[:LOOPS]):
        loops[loop] = math.log2(size + 1) / LARGEST, loop in nest.reductions, 1.0
    reads = [_operand(operand) for operand in nest.reads[:READS]]
    reads += [np.zeros(_OPERAND, dtype=np.float32)] * (READS - len(reads))
    write = _operand(nest.writes[0]) if nest.writes else np.zeros(_OPERAND, dtype=np.float32)
    counts = [sum(bool(re.search(kind, op)) for op in nest.operations) for kind in ARITHMETIC]
    arithmetic = np.log1p(np.array([*counts, len(nest.operations)], dtype=np.float32))
    return np.concatenate([loops.ravel(), *reads, write, arithmetic])


def _operand(operand: Operand) -> Vector:
    matrix = np.zeros((RANK, LOOPS), dtype=np.float32)
    for position, row in enumerate(operand.rows[-RANK:]):
        for loop, coefficient in enumerate(row[:LOOPS]):
            matrix[position, loop] = np.sign(coefficient) * math.log2(abs(coefficient) + 1)
    return np.append(matrix.ravel(), np.float32(math.log2(operand.itemsize))).astype(np.float32)
