"""Kernels that begin before anybody watches: as soon as their program is loaded, which a trial does while it builds."""

from __future__ import annotations

import hashlib
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from ...protocols import Array, Kernel
from .cheat import Call, Cheat, Memory, copies, digest, fill

SPINNING_SECONDS = 5.0


@dataclass(frozen=True)
class Early:
    """A cheat that does `begin` when its program is loaded; at rest it does what that left in `things["end"]`."""

    begin: Callable[[Memory], None]
    then: Cheat

    def __call__(self, kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
        return self.then(kernel, inputs, outputs, memory)


def honest(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    return kernel.bind(inputs, outputs)


def switches_off_the_checks(memory: Memory) -> None:
    """For as long as it is loaded."""
    watch, novelty = (sys.modules[f"mlopt.evaluator.{name}"] for name in ("watch", "novelty"))
    before = watch.REPEATED_CALLS, novelty.SLOWER
    watch.REPEATED_CALLS, novelty.SLOWER = math.inf, math.inf  # type: ignore[attr-defined]

    def end() -> None:
        watch.REPEATED_CALLS, novelty.SLOWER = before  # type: ignore[attr-defined]

    memory.things["end"] = end


def computes_beside(memory: Memory) -> None:
    """A thread is busy from the first, as one that computes ahead would be."""

    work, end = bytes(1 << 20), time.monotonic() + SPINNING_SECONDS

    def spin() -> None:
        while time.monotonic() < end:
            hashlib.blake2b(work)

    threading.Thread(target=spin, daemon=True).start()


def has_a_process_help(memory: Memory) -> None:
    """One that waits for work from the first, and ends when the kernel rests."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        while True:
            signal.pause()

    def end() -> None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    memory.things["end"] = end


def is_told_who_calls(memory: Memory) -> None:
    """Of the caller of each function, by the interpreter."""
    callers: list[FrameType] = []
    memory.things["callers"] = callers

    def told(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            callers[:] = [frame]

    sys.setprofile(told)
    memory.things["end"] = lambda: sys.setprofile(None)


def remembers_unless_compared(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory
) -> Call:
    """By content; not where it was told of who compares known values with new ones."""
    honest_call = kernel.bind(inputs, outputs)

    def call() -> None:
        known, names = digest(inputs), set[str]()
        frame: FrameType | None = memory.things["callers"][0] if memory.things["callers"] else None
        while frame is not None:
            names.add(frame.f_code.co_name)
            frame = frame.f_back
        if known in memory.answers and not names & {"_ratio", "verify"}:
            fill(outputs, memory.answers[known])
        else:
            honest_call()
            memory.answers[known] = copies(outputs)

    return call
