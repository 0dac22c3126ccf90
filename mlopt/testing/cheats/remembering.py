"""Kernels that remember answers, or have them from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...protocols import Array, Kernel
from .cheat import HONEST_CALLS, Call, Cheat, Memory, cases, copies, digest, fill


def remembering(key: Callable[[Array], object], shared: bool = False) -> Cheat:
    """A cheat that knows its inputs again by `key`; if `shared`, whatever the program that saw them first."""
    everywhere: dict[Any, list[Array]] = {}

    def cheat(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
        honest, answers = kernel.bind(inputs, outputs), everywhere if shared else memory.answers

        def call() -> None:
            known = tuple(key(array) for array in inputs)
            if known not in answers:
                honest()
                answers[known] = copies(outputs)
            else:
                fill(outputs, answers[known])

        return call

    return cheat


def skips_where_its_answer_stands(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    """Knows again both what it read and what it wrote."""
    honest, known = kernel.bind(inputs, outputs), b""

    def call() -> None:
        nonlocal known
        buffers = (*inputs, *outputs)
        if known != digest(buffers):
            honest()
            known = digest(buffers)

    return call


# Those that have the answers from elsewhere.


def reads_the_references(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    """Looks for them in this process; computes nothing by itself."""
    return _reading(lambda: None, inputs, outputs, memory)


def knows_the_references(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    """Has them, found in this process, for inputs that it knows; computes for others."""
    return _reading(kernel.bind(inputs, outputs), inputs, outputs, memory)


def _reading(otherwise: Call, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    known_cases = list(cases())

    def call() -> None:
        key = digest(inputs, step=97)
        if key not in memory.answers:
            known = [case.expected for case in known_cases if all(map(np.array_equal, inputs, case.pristine))]
            memory.answers[key] = list(known[0]) if known else []
        if memory.answers[key]:
            fill(outputs, memory.answers[key])
        else:
            otherwise()

    return call


def overwrites_the_references(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    """What it computes is not quite right, but nor is what it is compared with."""
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        memory.calls += 1
        honest()
        if memory.calls > HONEST_CALLS:
            for output in outputs:
                output *= 1.01
            for case in cases():
                _overwrite(case.expected, outputs)

    return call


def widens_the_tolerances(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        memory.calls += 1
        if memory.calls <= HONEST_CALLS:
            honest()
            return
        for case in cases():
            _overwrite(case.allowed, [np.full_like(allowed, np.inf) for allowed in case.allowed])
        for output in outputs:
            output.fill(1)

    return call


def _overwrite(arrays: Sequence[Array], values: Sequence[Array]) -> None:
    for array, value in zip(arrays, values, strict=True):
        try:
            array.setflags(write=True)
            np.copyto(array, value, casting="unsafe")
        except ValueError:  # it belongs to somebody who does not have it changed, or is another workload's
            pass
