"""Kernels that change how they, or others, are timed and judged, or look at who does it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

import numpy as np

from ...protocols import Array, Kernel
from .cheat import Call, Memory, cases, copies, digest, fill, once


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
    """Remembers by content, but for the one who compares known values with new ones."""
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        known, callers, frame = digest(inputs, step=61), set[str](), _frame()
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
