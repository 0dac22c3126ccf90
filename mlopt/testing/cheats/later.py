"""Kernels that compute when nobody looks at the clock."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...protocols import Array, Kernel
from .cheat import HONEST_CALLS, Call, Memory, copies, once

HELPERS = 3
"""Threads of a cheat, besides the one that it is called on."""


def finishes_later(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    """Computes in a thread once it is timed, and returns at once."""
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        memory.calls += 1
        if memory.calls <= HONEST_CALLS:
            honest()
        else:
            threading.Thread(target=honest).start()

    return call


def answers_later(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    """Each call waits until the one before has been computed by a thread."""
    honest = kernel.bind(inputs, outputs)

    def call() -> None:
        memory.calls += 1
        if memory.calls <= HONEST_CALLS:
            honest()
            return
        if "last" in memory.things:
            memory.things["last"].join()
        memory.things["last"] = threading.Thread(target=honest)
        memory.things["last"].start()

    return call


def computes_all_the_time(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    """A thread computes ahead when nobody calls, for a few seconds."""
    honest, results = kernel.bind(inputs, outputs), [np.empty_like(output) for output in outputs]
    ahead = kernel.bind(copies(inputs), results)

    def work() -> None:
        end = time.monotonic() + 5.0
        while time.monotonic() < end:
            ahead()

    return once(honest, memory, threading.Thread(target=work).start)


def computes_on_more_threads(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    """Each call keeps HELPERS busy, on any core, and itself until they are done."""
    honest, share = kernel.bind(inputs, outputs), bytes(1 << 20)
    pool = memory.things.setdefault("pool", ThreadPoolExecutor(HELPERS, initializer=_anywhere))

    def call() -> None:
        parts = [pool.submit(hashlib.blake2b, share) for _ in range(HELPERS)]
        honest()
        while not all(part.done() for part in parts):
            honest()

    return call


def _anywhere() -> None:
    os.sched_setaffinity(0, range(os.cpu_count() or 1))  # 0: the thread that calls this


def leaves_a_process_behind(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    def sleep() -> None:
        if (child := os.fork()) == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(60)
            while True:
                signal.pause()
        memory.things["child"] = child

    return once(kernel.bind(inputs, outputs), memory, sleep)
