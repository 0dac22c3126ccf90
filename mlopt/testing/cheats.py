"""A gallery of kernels that cheat: each is an honest one in disguise, which looks faster than it is, or does harm.

`CheatingBackend` makes the kernels of any backend cheat. An evaluator that executes must find every one of them wrong.
A cheat is a function of an honest kernel, the buffers of one binding, and what it remembers of all calls so far; it
returns the call. `Memory` lives as long as the program, across loads and bindings.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.schedule import Schedule
from ..protocols import Array, Backend, Kernel, Program, Roofline, Space, Workload

Call = Callable[[], None]

HONEST_CALLS = 12
"""Calls before a patient cheat begins to be lazy: more than are checked before the timing."""

SOON_SECONDS, CLOSELY_SECONDS = 1e-3, 2e-6


@dataclass
class Memory:
    """What the cheats of one program know."""

    calls: int = 0
    last_call: float = -np.inf
    answers: dict[Any, list[Array]] = field(default_factory=dict)
    things: dict[str, Any] = field(default_factory=dict)


Cheat = Callable[[Kernel, Sequence[Array], Sequence[Array], Memory], Call]


# Lazy ones: they compute when they think that they are watched.


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
            memory.answers["last"] = _copies(outputs)
        else:
            _fill(outputs, memory.answers["last"])

    return call


def computes_when_bound(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    results = [np.empty_like(output) for output in outputs]
    kernel.bind(inputs, results)()
    return lambda: _fill(outputs, results)


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
            memory.answers["last"] = _copies(outputs)
        else:
            _fill(outputs, memory.answers["last"])
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
        _fill(outputs, memory.answers.get("last", results))
        honest()
        memory.answers["last"] = _copies(results)

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


# Those that remember answers.


def _remembering(key: Callable[[Array], object], shared: bool = False) -> Cheat:
    """A cheat that knows its inputs again by `key`; if `shared`, whatever the program that saw them first."""
    everywhere: dict[Any, list[Array]] = {}

    def cheat(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
        honest, answers = kernel.bind(inputs, outputs), everywhere if shared else memory.answers

        def call() -> None:
            known = tuple(key(array) for array in inputs)
            if known not in answers:
                honest()
                answers[known] = _copies(outputs)
            else:
                _fill(outputs, answers[known])

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
        if known != _digest(buffers):
            honest()
            known = _digest(buffers)

    return call


# Those that have the answers from elsewhere.


def reads_the_references(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    """Looks for them in this process; computes nothing by itself."""
    return _reading(lambda: None, inputs, outputs, memory)


def knows_the_references(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    """Has them, found in this process, for inputs that it knows; computes for others."""
    return _reading(kernel.bind(inputs, outputs), inputs, outputs, memory)


def _reading(otherwise: Call, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    cases: list[Any] = [found for found in gc.get_objects() if type(found).__name__ == "Case"]

    def call() -> None:
        key = _digest(inputs, step=97)
        if key not in memory.answers:
            known = [case.expected for case in cases if all(map(np.array_equal, inputs, case.pristine))]
            memory.answers[key] = list(known[0]) if known else []
        if memory.answers[key]:
            _fill(outputs, memory.answers[key])
        else:
            otherwise()

    return call


# Those that compute something else.


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


# Those that compute when nobody looks at the clock.


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
    ahead = kernel.bind(_copies(inputs), results)

    def work() -> None:
        end = time.monotonic() + 5.0
        while time.monotonic() < end:
            ahead()

    return _once(honest, memory, threading.Thread(target=work).start)


def leaves_a_process_behind(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    def sleep() -> None:
        if (child := os.fork()) == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(60)
            while True:
                signal.pause()
        memory.things["child"] = child

    return _once(kernel.bind(inputs, outputs), memory, sleep)


# Those that change how they are timed.


def slows_the_clock(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    def slow() -> None:
        clock, now = time.perf_counter, time.perf_counter()
        time.perf_counter = lambda: now + 0.5 * (clock() - now)

    return _once(kernel.bind(inputs, outputs), memory, slow)


def changes_its_priority(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    def change() -> None:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    return _once(kernel.bind(inputs, outputs), memory, change)


def leaves_its_core(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    def leave() -> None:
        os.sched_setaffinity(0, range(os.cpu_count() or 1))

    return _once(kernel.bind(inputs, outputs), memory, leave)


def catches_signals(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    return _once(kernel.bind(inputs, outputs), memory, lambda: signal.signal(signal.SIGUSR1, lambda *_: None))


def rounds_upwards(kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], memory: Memory) -> Call:
    upward = 0x800  # FE_UPWARD on x86-64
    return _once(kernel.bind(inputs, outputs), memory, lambda: ctypes.CDLL("libm.so.6").fesetround(upward))


def _once(honest: Call, memory: Memory, act: Callable[[], object]) -> Call:
    """An honest call that does `act` besides, the first time that it is likely to be timed."""

    def call() -> None:
        honest()
        memory.calls += 1
        if memory.calls == HONEST_CALLS:
            act()

    return call


def _on_other_inputs(
    kernel: Kernel, inputs: Sequence[Array], outputs: Sequence[Array], change: Callable[[Array], Array]
) -> Call:
    others = _copies(inputs)
    honest = kernel.bind(others, outputs)

    def call() -> None:
        _fill(others, [change(array) for array in inputs])
        honest()

    return call


def _copies(arrays: Sequence[Array]) -> list[Array]:
    return [array.copy() for array in arrays]


def _fill(arrays: Sequence[Array], values: Sequence[Array]) -> None:
    for array, value in zip(arrays, values, strict=True):
        np.copyto(array, value, casting="unsafe")


def _digest(arrays: Sequence[Array], step: int = 1) -> bytes:
    return b"".join(array.reshape(-1)[::step].tobytes() for array in arrays)


CHEATS: Mapping[str, Cheat] = {
    "ceases to compute": ceases_to_compute,
    "repeats an earlier answer": repeats_an_earlier_answer,
    "computes when bound": computes_when_bound,
    "computes every second time": computes_every_second_time,
    "skips what it just did": skips_what_it_just_did,
    "skips what follows closely": skips_what_follows_closely,
    "gives the previous answer": gives_the_previous_answer,
    "writes to where it first wrote": writes_to_where_it_first_wrote,
    "leaves out what was right": leaves_out_what_was_right,
    "remembers by address": _remembering(lambda array: array.ctypes.data),
    "remembers by content": _remembering(lambda array: array.tobytes()),
    "remembers by content, for others too": _remembering(lambda array: array.tobytes(), shared=True),
    "remembers by a few elements": _remembering(lambda array: array.reshape(-1)[:: max(1, array.size // 8)].tobytes()),
    "remembers by roughly the sum": _remembering(lambda array: round(float(array.reshape(-1)[:64].real.sum()), 1)),
    "skips where its answer stands": skips_where_its_answer_stands,
    "reads the references": reads_the_references,
    "knows the references": knows_the_references,
    "computes in half precision": computes_in_half_precision,
    "takes inputs to be positive": takes_inputs_to_be_positive,
    "leaves out the last input": leaves_out_the_last_input,
    "writes to its inputs": writes_to_its_inputs,
    "finishes later": finishes_later,
    "answers later": answers_later,
    "computes all the time": computes_all_the_time,
    "leaves a process behind": leaves_a_process_behind,
    "slows the clock": slows_the_clock,
    "changes its priority": changes_its_priority,
    "leaves its core": leaves_its_core,
    "catches signals": catches_signals,
    "rounds upwards": rounds_upwards,
}


NEED_SHORT_CALLS = ("skips what follows closely",)
"""Those that are honest unless a call takes a few microseconds."""


@dataclass(frozen=True)
class CheatingKernel:
    """An honest kernel, bound by a cheat."""

    kernel: Kernel
    cheat: Cheat
    memory: Memory

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> Call:
        return self.cheat(self.kernel, inputs, outputs, self.memory)

    def overhead(self) -> float:
        return self.kernel.overhead()

    def rest(self) -> None:
        self.kernel.rest()


@dataclass(frozen=True)
class CheatingProgram:
    """An honest program whose kernels cheat."""

    program: Program
    cheat: Cheat

    @property
    def ir(self) -> str:
        return self.program.ir

    @property
    def stage_seconds(self) -> Mapping[str, float]:
        return self.program.stage_seconds

    def load(self) -> Kernel:
        return CheatingKernel(self.program.load(), self.cheat, self._memory)

    @functools.cached_property
    def _memory(self) -> Memory:
        return Memory()


@dataclass(frozen=True)
class CheatingBackend:
    """A backend whose kernels cheat in the way that `CHEATS` has under `cheat`; the naive one, too."""

    backend: Backend
    cheat: str

    @property
    def preload(self) -> tuple[str, ...]:
        return self.backend.preload

    @property
    def thread_count(self) -> int:
        return self.backend.thread_count

    def space(self, workload: Workload) -> Space:
        return self.backend.space(workload)

    def build(self, workload: Workload, schedule: Schedule | None) -> Program:
        return CheatingProgram(self.backend.build(workload, schedule), CHEATS[self.cheat])

    def export(self, workload: Workload, schedule: Schedule, directory: Path) -> None:
        self.backend.export(workload, schedule, directory)

    def roofline(self) -> Roofline:
        return self.backend.roofline()
