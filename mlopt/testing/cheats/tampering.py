"""Kernels that change how they, or others, are timed and judged, or look at who does it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Generator, Sequence
from types import FrameType

import numpy as np

from ...protocols import Array, Kernel
from .cheat import HONEST_CALLS, Call, Memory, cases, copies, digest, fill, once


def slows_the_clock(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    def slow() -> None:
        clock, now = time.perf_counter, time.perf_counter()
        time.perf_counter = lambda: now + 0.5 * (clock() - now)

    return once(kernel.bind(inputs, outputs), memory, slow)


def changes_its_priority(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    def change() -> None:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    return once(kernel.bind(inputs, outputs), memory, change)


def leaves_its_core(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    def leave() -> None:
        os.sched_setaffinity(0, range(os.cpu_count() or 1))

    return once(kernel.bind(inputs, outputs), memory, leave)


def catches_signals(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    return once(kernel.bind(inputs, outputs), memory, lambda: signal.signal(signal.SIGUSR1, lambda *_: None))


def rounds_upwards(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    upward = 0x800  # FE_UPWARD on x86-64
    return once(kernel.bind(inputs, outputs), memory, lambda: ctypes.CDLL("libm.so.6").fesetround(upward))


def takes_all_numbers_to_be_equal(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    def change() -> None:
        np.abs = lambda array: np.zeros(np.shape(array))  # type: ignore[assignment]
        np.array_equal = lambda *arrays: True

    return once(kernel.bind(inputs, outputs), memory, change)


def judges_itself(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    def change() -> None:
        for case in cases():
            type(case).compare_outputs = lambda case, outputs: None

    return once(kernel.bind(inputs, outputs), memory, change)


def foresees_what_is_drawn(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    def change() -> None:
        drawn = np.random.default_rng
        np.random.default_rng = lambda seed=0: drawn(seed)

    return once(kernel.bind(inputs, outputs), memory, change)


def holds_up_the_others(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    """Threads wait for one another, and memory comes in small pages."""

    def change() -> None:
        sys.setswitchinterval(1.0)
        ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE

    return once(kernel.bind(inputs, outputs), memory, change)


def looks_at_its_caller(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    return _looking(kernel, inputs, outputs, memory, _frame)


def _looking(
    kernel: Kernel,
    inputs: Sequence[Array],
    outputs: Sequence[Array],
    memory: Memory,
    look: Callable[[], FrameType | None],
) -> Call:
    """Remembers by content, but for the one who compares known values with new ones."""
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        known, callers, frame = digest(inputs, step=61), set[str](), look()
        while frame is not None:
            callers.add(frame.f_code.co_name)
            frame = frame.f_back
        if "take" in callers and "_ratio" not in callers and known in memory.answers:
            fill(outputs, memory.answers[known])
        else:
            honest()
            memory.answers[known] = copies(outputs)

    return call


def _frame() -> FrameType | None:
    """As `sys._getframe` does, which others may listen to."""
    try:
        raise ValueError
    except ValueError as error:
        return error.__traceback__.tb_frame if error.__traceback__ is not None else None


def empties_the_judges(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    """The functions stay where they are, with nothing in them."""

    def change() -> None:
        for case in cases():
            with contextlib.suppress(Exception):
                type(case).compare_outputs.__code__ = (lambda case, outputs: None).__code__

    return once(kernel.bind(inputs, outputs), memory, change)


def halves_the_median(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    def change() -> None:
        median = statistics.median
        statistics.median = lambda data: median(data) / 2

    return once(kernel.bind(inputs, outputs), memory, change)


def hides_a_builtin(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    """In the module of whoever judges: no name that was there changes."""

    def change() -> None:
        sys.modules["mlopt.evaluator.correctness"].any = lambda values: False  # type: ignore[attr-defined]

    return once(kernel.bind(inputs, outputs), memory, change)


def halves_the_samples(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    def change() -> None:
        for found in gc.get_objects():
            if type(found) is list and len(found) > 2 and all(type(each) is float for each in found):
                found[:] = [each / 2 for each in found]

    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        honest()
        memory.calls += 1
        if memory.calls % HONEST_CALLS == 0:
            change()

    return call


def replaces_the_tolerances(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        memory.calls += 1
        honest()
        if memory.calls > HONEST_CALLS:
            for output in outputs:
                output *= 1.01
            for case in cases():
                with contextlib.suppress(AttributeError):
                    object.__setattr__(case, "allowed", tuple(np.full_like(each, np.inf) for each in case.allowed))

    return call


def looks_by_a_generator(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    """As `looks_at_its_caller`, by the frame of a generator that runs."""

    generators: list[Generator[FrameType | None]] = []

    def look() -> Generator[FrameType | None]:
        yield generators[-1].gi_frame.f_back  # type: ignore[attr-defined]

    def callers() -> FrameType | None:
        generators[:] = [look()]
        return next(generators[-1])

    return _looking(kernel, inputs, outputs, memory, callers)


def looks_by_the_interpreter(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    """As `looks_at_its_caller`, by a function of Python's own library."""
    frame = ctypes.PyDLL(None).PyEval_GetFrame
    frame.restype, frame.argtypes = ctypes.c_void_p, []

    def callers() -> FrameType:
        found: FrameType = ctypes.cast(frame(), ctypes.py_object).value
        return found

    return _looking(kernel, inputs, outputs, memory, callers)
