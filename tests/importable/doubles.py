"""Stand-ins for the parts of a study: kernels in Python or in MLIR, right ones and wrong ones, and who builds them."""

from __future__ import annotations

import functools
import math
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, NoReturn, TypeVar

import numpy as np

from mlopt.core.schedule import Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.core.trial import Measurement
from mlopt.evaluator.surroundings import Surroundings
from mlopt.evaluator.timing import Call, Clock, on_the_wall
from mlopt.protocols import Array, Inputs, Kernel, Program, Roofline, SimulatedProgram, Workload
from mlopt.workloads.matmul.workload import Matmul

Function = Callable[..., None]
"""Takes the inputs, then the outputs to be written."""
R = TypeVar("R")


# Kernels in Python, each made anew for every program, so that it may remember.


def right() -> Function:
    def multiply(a: Array, b: Array, c: Array) -> None:
        np.matmul(a, b, out=c)

    return multiply


def silent() -> Function:
    return lambda *arrays: None


def right_at_first() -> Function:
    """For as many calls as a check may make, and not beyond."""
    calls = iter(range(3))
    return lambda a, b, c: np.matmul(a, b, out=c) if next(calls, None) is not None else c.fill(0.0)


def remembers() -> Function:
    """Computes once, and gives the same answer ever after."""
    known: list[Array] = []

    def multiply(a: Array, b: Array, c: Array) -> None:
        if not known:
            known.append(a @ b)
        c[...] = known[0]

    return multiply


def settles() -> Function:
    """Computes for as long as it is checked; when it is timed, it stays with the last answer."""
    calls = iter(range(3))
    known = np.zeros(0)

    def multiply(a: Array, b: Array, c: Array) -> None:
        nonlocal known
        if next(calls, None) is not None:
            known = a @ b
        c[...] = known

    return multiply


def silent_on_known_inputs() -> Function:
    seen: list[Array] = []

    def multiply(a: Array, b: Array, c: Array) -> None:
        if not any(a is other for other in seen):
            np.matmul(a, b, out=c)
        seen.append(a)

    return multiply


def writes_to_inputs() -> Function:
    def multiply(a: Array, b: Array, c: Array) -> None:
        np.matmul(a, b, out=c)
        a[0, 0] += 1.0
        b[0, 0] += 1.0

    return multiply


def ceases_to_write(calls: int) -> Function:
    """After so many calls."""
    numbers = iter(range(calls))
    return lambda a, b, c: np.matmul(a, b, out=c) if next(numbers, None) is not None else None


ceases_to_write_at_once = functools.partial(ceases_to_write, 2)
ceases_to_write_later = functools.partial(ceases_to_write, 9)


def writes_to_copies() -> Function:
    """Leaves inputs alone, but not others that are equal to them."""
    seen: list[Array] = []

    def multiply(a: Array, b: Array, c: Array) -> None:
        np.matmul(a, b, out=c)
        if not any(a is other for other in seen):
            if any(np.array_equal(a, other) for other in seen):
                b[0, 0] += 1.0
            seen.append(a)

    return multiply


def skips_the_last_element() -> Function:
    def multiply(a: Array, b: Array, c: Array) -> None:
        c.ravel()[:-1] = (a @ b).ravel()[:-1]

    return multiply


def leaves_a_thread_behind() -> Function:
    """One that computes for a minute, beside whoever comes next."""

    def compute() -> None:
        end = time.monotonic() + 60.0
        while time.monotonic() < end:
            sum(range(1000))

    thread = Thread(target=compute, daemon=True)

    def multiply(a: Array, b: Array, c: Array) -> None:
        np.matmul(a, b, out=c)
        if thread.ident is None:
            thread.start()

    return multiply


@dataclass
class PythonKernel:
    """Keeps what it was asked for."""

    function: Function
    seconds_overhead: float = 0.0
    bound: list[tuple[Sequence[Array], Sequence[Array]] | None] = field(default_factory=list)
    """The buffers of each binding; None where it was put to rest."""

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> Callable[[], None]:
        self.bound.append((inputs, outputs))
        return lambda: self.function(*inputs, *outputs)

    def overhead(self) -> float:
        return self.seconds_overhead

    def rest(self) -> None:
        self.bound.append(None)


@dataclass(frozen=True)
class ToyProgram:
    make: Callable[[], Function]
    ir: str = ""
    stage_seconds: Mapping[str, float] = field(default_factory=lambda: {"parse": 0.25, "lower": 0.5})

    def load(self) -> Kernel:
        return PythonKernel(self._function)

    @functools.cached_property
    def _function(self) -> Function:
        return self.make()


class Numbers(KnobSpace):
    """The schedules 0, 1, ..., size - 1."""

    def __init__(self, size: int) -> None:
        self.knobs = (Knob("number", "ordinal", tuple(range(size))),)

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return knob.values


CEILING = Roofline(1e12, 1e11)


@dataclass(frozen=True)
class ToyBackend:
    """Schedule i has a right kernel, and `faults[i]` happens while it is built, if there is one."""

    size: int = 100
    faults: tuple[Callable[[], object] | None, ...] = ()
    preload: tuple[str, ...] = ("doubles",)
    thread_count: int = 1
    make: Callable[[], Function] = right
    export_record: bool = True
    ceiling: Roofline | None = CEILING

    def space(self, workload: Workload) -> Numbers:
        return Numbers(self.size)

    def build(self, workload: Workload, schedule: Schedule | None) -> ToyProgram:
        number = int(schedule.values()["number"]) if schedule else -1
        fault = self.faults[number] if 0 <= number < len(self.faults) else None
        if fault is not None:
            fault()
        return ToyProgram(self.make, ir=str(number))

    def export(self, workload: Workload, schedule: Schedule, directory: Path) -> None:
        directory.mkdir()
        if self.export_record:
            (directory / "record.json").write_text('{"entry": "toy"}')

    def roofline(self) -> Roofline:
        if self.ceiling is None:
            raise OSError("no counters")
        return self.ceiling


class OnDevices(ToyBackend):
    """Its programs run on a device, which computes as the CPU does."""

    def devices(self) -> Sequence[str]:
        return ["GPU-1"]

    def states(self) -> Sequence[Mapping[str, str]]:
        return [{"uuid": name, "name": "H200", "clocks.sm": "1980 MHz"} for name in self.devices()]

    def use(self, device: str) -> None:
        pass

    def on_device(self, function: Callable[..., Any]) -> Kernel:
        raise NotImplementedError

    def computed(
        self, function: Callable[..., Sequence[Any]], arrays: Sequence[Array], device: str
    ) -> tuple[Array, ...]:
        from mlopt.backend.triton.device import computed

        assert device in self.devices()
        return computed(function, arrays, "cpu")


class ToyDevices(OnDevices):
    """Has two devices, and notes in a file which one is used."""

    def devices(self) -> list[str]:
        return ["first", "second"]

    def states(self) -> list[dict[str, str]]:
        return [{"name": name} for name in self.devices()]

    def use(self, device: str) -> None:
        self.noted.write_text(device)

    @property
    def noted(self) -> Path:
        return Path(tempfile.gettempdir()) / "used"


@dataclass(frozen=True)
class ToyEvaluator:
    """The program of schedule i takes i + 1 seconds, or costs as much where nothing is executed."""

    executes: bool = False
    inputs: Inputs = "warm"
    preload: tuple[str, ...] = ()
    act: Callable[[], object] | None = None
    make_ready: Callable[[], object] | None = None

    def prepare(self, workload: Workload) -> None:
        if self.make_ready is not None:
            self.make_ready()

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        if self.act is not None:
            self.act()
        value, to_beat = float(program.ir) + 1.0, {} if best is None else {"to_beat": best}
        if not self.executes:
            return Measurement(metrics={"cost": value, **to_beat})
        return Measurement(value, samples=(value, 0.9 * value, 1.1 * value), metrics=to_beat)


class Sized(ToyEvaluator):
    """Knows a size, too, and that of the third program is the least."""

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        cost = super().evaluate(program, workload, best).metrics["cost"]
        return Measurement(metrics={"cost": cost, "size": 4.0 if cost == 3.0 else 5.0})


@dataclass(frozen=True)
class CodedProgram(ToyProgram):
    """Its text is its machine code, but that every two are the same."""

    def code_digest(self) -> str:
        return f"{int(self.ir) // 2:032x}"


class KnownBackend(ToyBackend):
    """Says what its programs depend on."""

    def build(self, workload: Workload, schedule: Schedule | None) -> ToyProgram:
        program = super().build(workload, schedule)
        return CodedProgram(program.make, program.ir)

    def identity(self, workload: Workload) -> Mapping[str, Any]:
        return {"program": "toy", "size": self.size}


class KnownEvaluator(ToyEvaluator):
    """Its measurements mean the same another time."""

    def identity(self) -> Mapping[str, Any]:
        return {}


@dataclass(frozen=True)
class Length:
    """The longer the program's text, the more it costs."""

    executes: bool = False
    inputs: Inputs = "warm"
    preload: tuple[str, ...] = ()

    def prepare(self, workload: Workload) -> None:
        pass

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        return Measurement(metrics={"cost": float(len(program.ir))})


@dataclass(frozen=True)
class TwiceTheCost:
    """What a program takes is twice its simulated cost."""

    executes: bool = False
    inputs: Inputs = "warm"
    preload: tuple[str, ...] = ()

    def identity(self) -> Mapping[str, Any]:
        return {}

    def prepare(self, workload: Workload) -> None:
        pass

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        assert isinstance(program, SimulatedProgram)
        return Measurement(2.0 * program.simulate()["cost"])


@dataclass(frozen=True)
class MlirText:
    """Compiles a program in MLIR as it stands, whatever the schedule."""

    text: str
    preload: tuple[str, ...] = ()
    thread_count: int = 1

    def space(self, workload: Workload) -> Numbers:
        return Numbers(1)

    def build(self, workload: Workload, schedule: Schedule | None) -> Program:
        from mlopt.backend.mlir.driver.in_process import build_naive

        return build_naive(self.text)

    def export(self, workload: Workload, schedule: Schedule, directory: Path) -> None:
        raise NotImplementedError

    def roofline(self) -> Roofline:
        raise NotImplementedError


class AtOnce:
    """An executor that runs works in this process, and remembers what it ran."""

    slots = 1

    def __init__(self) -> None:
        self.ran: list[Any] = []

    def start(self, preload: Sequence[str]) -> None: ...

    def submit(self, work: Callable[[], R], deadline_seconds: float) -> Future[R]:
        self.ran.append(work)
        future: Future[R] = Future()
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None: ...


class Here:
    """Takes the place of a worker: what it is given is done in this process."""

    def __init__(self, preload: Sequence[str]) -> None: ...

    def run(self, work: Callable[[], R], deadline_seconds: float, patience_seconds: float = math.inf) -> R:
        return work()

    def close(self) -> None: ...


class Holder:
    """A process that wants the device, `shared` or `alone`, holds it when it gets it, and lets go when told.

    Or one of the accelerators of these names.
    """

    def __init__(self, how: str, cores: Sequence[int] = (), accelerators: Sequence[str] = ()) -> None:
        right = f"accelerator.one_of({list(accelerators)})" if accelerators else f"device.{how}()"
        code = (
            f"import os; os.sched_setaffinity(0, {list(cores)} or os.sched_getaffinity(0))\n"
            "from mlopt.executor import accelerator, device\n"
            f"print('here', flush=True)\nwith {right}:\n    print('in', flush=True)\n    input()"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._out.readline() == "here\n"
        self._reader = Thread(target=self._out.readline, daemon=True)
        self._reader.start()

    @property
    def _out(self) -> Any:
        return self.process.stdout

    def holds(self, seconds: float = 60.0) -> bool:
        """Whether it gets the device within `seconds`."""
        self._reader.join(seconds)
        return not self._reader.is_alive()

    def leave(self) -> None:
        self.process.communicate("\n")

    def __enter__(self) -> Holder:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self._reader.join()
        self.process.communicate()


WAITS = 0.5
"""Seconds after which a `Holder` that does not hold is taken to wait."""


def stands() -> str:
    """How this process holds the device now: '', 'shared' or 'alone'."""
    with Holder("shared") as holder:
        if not holder.holds(WAITS):
            return "alone"
    resumed = []
    before = signal.signal(signal.SIGCONT, lambda *_: resumed.append(True))
    try:
        passing = "from mlopt.executor import device\nwith device.alone(): pass"
        subprocess.run([sys.executable, "-c", passing], check=True, start_new_session=True)
    finally:
        signal.signal(signal.SIGCONT, before)
    return "shared" if resumed else ""


@dataclass(frozen=True)
class Sleeper:
    """A contender whose call sleeps for `seconds` and does `calling`; `preparing` is done before all, and so on."""

    name: str
    seconds: float = 0.0
    preparing: Callable[[], object] | None = None
    calling: Callable[[], object] | None = None
    poisoning: Callable[[], object] | None = None
    verifying: Callable[[], object] | None = None
    preload: tuple[str, ...] = ()
    clock: Clock = on_the_wall

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings()

    def prepare(self) -> Sleeper:
        _do(self.preparing)
        return self

    def place(self) -> Sleeper:
        return self

    @property
    def calls(self) -> Sequence[Call]:
        return [self._call]

    def before(self, calls: Sequence[Call]) -> Sequence[Call]:
        _do(self.poisoning)
        return calls

    def after(self) -> None:
        pass

    def verify(self) -> None:
        _do(self.verifying)

    def _call(self) -> None:
        if self.seconds:
            time.sleep(self.seconds)
        _do(self.calling)


def _do(act: Callable[[], object] | None) -> None:
    if act is not None:
        act()


def fail(error: Exception) -> NoReturn:
    raise error


@dataclass(frozen=True)
class Transposed(Matmul):
    """A matrix product whose PyTorch function computes something else."""

    def eager(self) -> Callable[..., Any]:
        return lambda a, b: (a @ b).T.contiguous()


@dataclass(frozen=True)
class RightAtFirst(Matmul):
    """A matrix product whose PyTorch function computes it so many times, and then gives one of its answers again."""

    calls: int = 1

    def eager(self) -> Callable[..., Any]:
        known: list[Any] = []

        def multiply(a: Any, b: Any) -> Any:
            if len(known) < self.calls:
                known.append(a @ b)
            return known[-1]

        return multiply


class Doubled(Matmul):
    """Its reference is twice what its program computes."""

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        return tuple(2.0 * value for value in super().reference(*inputs))
