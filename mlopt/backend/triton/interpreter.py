"""Triton's interpreter: kernels carried out on the CPU, in a process of its own.

A file's kernels are interpreted or compiled according to TRITON_INTERPRET when Triton is imported, once and for all.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np

from ...core.errors import Unverifiable, WrongResult, summary
from ...core.tensors import stored, to_numpy, to_torch
from ...protocols import Array
from .kernel_file import CPU, Source
from .mended import mend, unknown
from .played import playing

INTERPRET = "TRITON_INTERPRET"
"""The environment variable that is 1 where Triton is to interpret."""

Outcome = tuple[Sequence[Array] | str, Mapping[int, Array]]
"""The outputs, or what went wrong; and the inputs, by number, that were written to."""


class InterpretedKernel:
    """A kernel that is interpreted by whoever carries it out, in another process, on copies of the inputs."""

    def __init__(self, call: Callable[[Sequence[Array]], Outcome]) -> None:
        self._call = call

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> Callable[[], None]:
        """A call; it raises WrongResult where the kernel fails, or returns arrays of other shapes or dtypes.

        It raises Unverifiable for what the interpreter does not know.
        """

        def call() -> None:
            results, written = self._call(inputs)
            if isinstance(results, str):
                raise WrongResult(results)
            for number, values in written.items():
                inputs[number][...] = values
            if [(a.shape, a.dtype) for a in results] != [(a.shape, a.dtype) for a in outputs]:
                found = ", ".join(f"{a.dtype}{list(a.shape)}" for a in results)
                raise WrongResult(f"the launcher returned {found}")
            for output, result in zip(outputs, results, strict=True):
                output[...] = result

        return call

    def overhead(self) -> float:
        return 0.0

    def rest(self) -> None:
        """There are no threads."""


def interpreted(source: Source, config: Mapping[str, Any], parameters: Mapping[str, Any]) -> InterpretedKernel:
    """A kernel of a file, carried out in a process of this one's."""
    work = functools.partial(carry_out, source, dict(config), dict(parameters))
    return InterpretedKernel(lambda inputs: _elsewhere(work, inputs))


def _elsewhere(work: Callable[[Sequence[Array]], Outcome], inputs: Sequence[Array]) -> Outcome:
    """Carry out a work in the process that interprets; where the work ends it, the next one has another."""
    try:
        pending = _process().submit(work, inputs)
    except BrokenProcessPool:  # by the work before, or somebody
        _process.cache_clear()
        pending = _process().submit(work, inputs)
    try:
        return pending.result()
    except BrokenProcessPool:
        return "the interpreter died, as it does of an address outside of all tensors", {}


@functools.cache
def _process() -> ProcessPoolExecutor:
    """Begun anew, not forked: this one may have imported Triton already."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=interpret)


def interpret() -> None:
    """Make this process, which has not imported Triton yet, one that interprets."""
    os.environ[INTERPRET] = "1"
    mend()


def carry_out(
    source: Source, config: Mapping[str, Any], parameters: Mapping[str, Any], inputs: Sequence[Array]
) -> Outcome:
    """Interpret a file's kernel, in a process that interprets. Raises Unverifiable for what cannot be interpreted."""
    tensors = [to_torch(array.copy()) for array in inputs]
    file = source.load()
    try:
        with playing(CPU):
            outputs = file.launcher(config, {**parameters, "multiprocessors": CPU.multiprocessors})(tensors)
    except Exception as error:
        if what := unknown(error):
            raise Unverifiable(what) from None
        return f"the interpreter failed: {summary(error)}", {}
    after = [to_numpy(tensor) for tensor in tensors]
    written = {number: a for number, (a, b) in enumerate(zip(after, inputs, strict=True)) if not np.array_equal(a, b)}
    return list(map(stored, outputs)), written
