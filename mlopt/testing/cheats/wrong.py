"""Kernels that compute something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...protocols import Array, Kernel
from .cheat import HONEST_CALLS, Call, Memory, copies, fill


def computes_in_half_precision(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    return _on_other_inputs(kernel, inputs, outputs, lambda array: array.astype("bfloat16").astype(array.dtype))


def takes_inputs_to_be_positive(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    return _on_other_inputs(kernel, inputs, outputs, np.abs)


def leaves_out_the_last_input(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    """Takes the last element of every input to be zero, as if it lay in a margin."""

    def without(array: Array) -> Array:
        other = array.copy()
        other.reshape(-1)[-1] = 0
        return other

    return _on_other_inputs(kernel, inputs, outputs, without)


def writes_to_its_inputs(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        honest()
        memory.calls += 1
        if memory.calls > HONEST_CALLS:
            inputs[0].reshape(-1)[-1] += 1

    return call


def _on_other_inputs(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], change: Callable[[Array], Array]
) -> Call:
    others = copies(inputs)
    honest = kernel.bind(others, outputs)

    def call() -> None:
        fill(others, [change(array) for array in inputs])
        honest()

    return call
