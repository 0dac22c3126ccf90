"""Kernels that compute when they think that they are watched."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import numpy as np

from ...protocols import Array, Kernel
from .cheat import HONEST_CALLS, Call, Memory, copies, digest, fill

SOON_SECONDS, CLOSELY_SECONDS = 1e-3, 2e-6
SCANNING_SECONDS = 2e-5
"""Between two calls in a row, for one who looks at all of its memory."""


def ceases_to_compute(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        memory.calls += 1
        if memory.calls <= HONEST_CALLS:
            honest()

    return call


def repeats_an_earlier_answer(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        memory.calls += 1
        if memory.calls <= HONEST_CALLS:
            honest()
            memory.answers["last"] = copies(outputs)
        else:
            fill(outputs, memory.answers["last"])

    return call


def computes_when_bound(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    results = [np.empty_like(output) for output in outputs]
    kernel.bind(inputs, results)()
    return lambda: fill(outputs, results)


def computes_every_second_time(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    honest, turns = kernel.bind(inputs, outputs), itertools.cycle([True, False])
    return lambda: honest() if next(turns) else None


def skips_what_it_just_did(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        if time.monotonic() - memory.last_call > SOON_SECONDS:
            honest()
            memory.answers["last"] = copies(outputs)
        else:
            fill(outputs, memory.answers["last"])
        memory.last_call = time.monotonic()

    return call


def skips_what_follows_closely(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    """Of calls in a row, of which a sample has several if they are short, computes the first alone."""
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        if time.perf_counter() - memory.last_call > CLOSELY_SECONDS:
            honest()
        memory.last_call = time.perf_counter()

    return call


def gives_the_previous_answer(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    results = [np.zeros_like(output) for output in outputs]
    honest = kernel.bind(inputs, results)

    def call() -> None:
        fill(outputs, memory.answers.get("last", results))
        honest()
        memory.answers["last"] = copies(results)

    return call


def writes_to_where_it_first_wrote(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    return kernel.bind(inputs, memory.answers.setdefault("first", list(outputs)))


def leaves_out_what_was_right(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    """Computes into memory of its own and writes half of the results, once the others stand."""
    results = [np.empty_like(output) for output in outputs]
    honest = kernel.bind(inputs, results)

    def call() -> None:
        memory.calls += 1
        honest()
        for output, result in zip(outputs, results, strict=True):
            part = slice(None) if memory.calls <= HONEST_CALLS else slice(0, max(1, output.size // 2))
            output.reshape(-1)[part] = result.reshape(-1)[part]

    return call


def computes_where_it_sees_poison(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    """For other inputs, too; of those it looks at a few."""
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        known = digest(inputs, step=97)
        if memory.things.get("known") != known or any(np.isnan(output).any() for output in outputs):
            honest()
            memory.things["known"] = known

    return call


def skips_what_it_knows_and_just_did(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    """Honest to all who give it other values, and to all who take a while to do so."""
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        known = digest(inputs)
        if known in memory.answers and time.perf_counter() - memory.last_call < SOON_SECONDS:
            fill(outputs, memory.answers[known])
        else:
            honest()
            memory.answers[known] = copies(outputs)
        memory.last_call = time.perf_counter()

    return call


def skips_what_follows_closely_unless_poisoned(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    """Of calls in a row computes the first, and those that find what nobody computes."""
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        soon = time.perf_counter() - memory.last_call < SCANNING_SECONDS
        if not soon or any(np.isnan(output).any() for output in outputs):
            honest()
        memory.last_call = time.perf_counter()

    return call


def skips_what_follows_closely_where_all_stands(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    """Of calls in a row computes those that find other inputs, or outputs, than the last one has left."""
    honest, known = kernel.bind(inputs, outputs), b""

    def call() -> None:
        nonlocal known
        soon = time.perf_counter() - memory.last_call < SCANNING_SECONDS
        if not soon or known != digest((*inputs, *outputs)):
            honest()
            known = digest((*inputs, *outputs))
        memory.last_call = time.perf_counter()

    return call
