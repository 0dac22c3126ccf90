"""What each concept of mlopt promises the others. `mlopt.testing` holds the suite that checks each promise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from .core.errors import UserError
from .core.nests import Subject
from .core.schedule import Decision, Schedule, Value
from .core.space import Knob
from .core.trial import Measurement, Trial

with suppress(ImportError):  # then there is no bfloat16
    import ml_dtypes  # noqa: F401  numpy then knows it by its name

Array = NDArray[Any]
R = TypeVar("R")

Inputs = Literal["warm", "rotated"]
"""How timed calls are given their inputs: the same buffers on every call, as in a loop, or other ones on every call."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape and numpy dtype name of one tensor. Raises UserError for a name that numpy does not know."""

    shape: tuple[int, ...]
    dtype: str

    def __post_init__(self) -> None:
        try:
            np.dtype(self.dtype)
        except TypeError:
            hint = ": install ml_dtypes, which brings it" if self.dtype in ("bfloat16", "float8_e4m3fn") else ""
            raise UserError(f"numpy knows no {self.dtype}{hint}") from None

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class Budget:
    """What a study may spend, all in all, however often it is gone on with; the first limit reached ends it."""

    trials: int
    seconds: float | None = None
    """From the start of the study; part of them is kept for the finals, where there are any."""
    trial_seconds: float = 20.0
    """Deadline of one trial, counted from when a worker takes it up."""
    money: float | None = None
    """What the search may pay for its proposals, such as tokens, in whatever currency it counts."""

    def __post_init__(self) -> None:
        for name in ("trials", "seconds", "trial_seconds", "money"):
            limit = getattr(self, name)
            if limit is not None and limit <= 0:
                raise UserError(f"budget.{name}={limit} leaves nothing to try; it must be positive")

    @property
    def limits(self) -> dict[str, float | None]:
        """What ends a study, by name."""
        return {"trials": self.trials, "seconds": self.seconds, "money": self.money}


@dataclass(frozen=True, slots=True)
class Roofline:
    """What this machine reached in a micro-benchmark, at the backend's thread count."""

    flops_per_second: float
    """In float32."""
    bytes_per_second: float
    """From memory."""
    cache_bytes_per_second: float = math.inf
    """From the fastest cache; infinite where nobody measured it."""

    def seconds(self, flops: int, nbytes: int) -> float:
        """The least time that `flops` and `nbytes` of traffic can take (Williams, Waterman, Patterson 2009)."""
        return max(flops / self.flops_per_second, nbytes / self.bytes_per_second)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What this machine was measured to reach on so many threads, for costs that are told and not timed."""

    roofline: Roofline
    threads: int


@dataclass(frozen=True, slots=True)
class Brief:
    """What an expert would ask about a study before its first trial."""

    workload: Mapping[str, Any] = field(default_factory=dict)
    """Its name and sizes, as in `result.json`."""
    program: str = ""
    """What is to be computed, as the backend explains it."""
    machine: Mapping[str, Any] = field(default_factory=dict)
    """Its hardware."""
    threads: int = 1
    flops: int = 0
    bytes: int = 0
    roofline: Roofline | None = None


@dataclass(frozen=True, slots=True)
class StudyContext:
    """What a search is told of the study that it works for."""

    rng: np.random.Generator
    budget: Budget
    slots: int
    """How many trials run at once."""
    brief: Callable[[], Brief] = Brief
    """What the study is about; complete once the first schedules are asked for."""
    directory: Path | None = None
    """The study's folder, where a search may keep files of its own."""
    say: Callable[[str], None] = lambda text: None
    """Tells the user something, in a line."""
    computing: Callable[[], AbstractContextManager[None]] = nullcontext
    """To be entered for what computes for more than some milliseconds: no kernel is timed on its core meanwhile."""
    executes: bool = False
    """Whether trials execute their programs."""


class Workload(Protocol):
    """What is to be computed. Implementations are frozen dataclasses: hashable, picklable, and cheap to make."""

    def __hash__(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def flops(self) -> int:
        """Floating-point operations of one call."""

    @property
    def bytes(self) -> int:
        """Bytes that one call must move at least: each input read once, each output written once."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The results' shapes and dtypes."""

    @property
    def reference_files(self) -> Sequence[Path]:
        """A Python file on numpy alone: `reference(*inputs, **parameters)` and `tolerance` likewise, as below.

        Files that it imports from, by `from PACKAGE.FILE import NAME`, follow. That of a program in MLIR needs the MLIR
        bindings too.
        """

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the reference file's functions take by name: what the inputs' shapes do not tell, such as a stride.

        Values are those of JSON. Under `constants` are the paths of files that it reads, or copies of them beside it.
        """

    @property
    def operands(self) -> tuple[TensorSpec, ...]:
        """The inputs' shapes and dtypes."""

    def source(self, language: str) -> str:
        """Its program in a backend's language ('mlir'). Raises UserError when it has none in that language."""

    def inputs(self, rng: np.random.Generator, distribution: str) -> tuple[Array, ...]:
        """Fresh inputs, drawn from 'normal' (mean 0, deviation 1), 'uniform' ([0, 1)) or 'integers' (-2 to 2)."""

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        """The outputs in float64 for these inputs."""

    def tolerance(self, *inputs: Array) -> tuple[Array, ...]:
        """The absolute error allowed in each element of each output (broadcastable to it)."""

    def eager(self) -> Callable[..., Any]:
        """The same computation as a function of PyTorch tensors, in the workload's dtype.

        Raises UserError when there is none.
        """


@runtime_checkable
class PortableWorkload(Protocol):
    """A workload whose `reference` and `tolerance` are computed wherever their inputs are.

    They also take tensors of PyTorch on any device, and then return such ones, in float64.
    """

    @property
    def portable(self) -> Literal[True]: ...


@runtime_checkable
class LibraryWorkload(Protocol):
    """A workload that several of PyTorch's libraries compute on GPUs; PyTorch prefers one, not always the fastest."""

    @property
    def libraries(self) -> Sequence[str]:
        """Their names, a word each."""

    def eager_by(self, library: str) -> Callable[..., Any]:
        """`eager` computed by this one alone; it raises whatever PyTorch does where that cannot."""


@runtime_checkable
class BoundedWorkload(Protocol):
    """A workload that knows what no correct kernel does without, whatever its algorithm."""

    @property
    def least_flops(self) -> int:
        """Floating-point operations of one call; 0 where no such number is known."""

    @property
    def least_bytes(self) -> int:
        """Bytes of one call that are read or written."""


@runtime_checkable
class FarWorkload(Protocol):
    """A workload that knows inputs far from those of `inputs`, for which a right kernel is right as well.

    Those that are right by luck overflow there, or begin a maximum at a number that is not the least.
    """

    def far_inputs(self, rng: np.random.Generator) -> tuple[Array, ...] | None:
        """Fresh ones, for which `reference` and `tolerance` hold; None where nothing is known to be right there."""


class Space(Protocol):
    """The tree of schedules: which decisions may follow which."""

    @property
    def knobs(self) -> Sequence[Knob]: ...
    def options(self, prefix: Schedule) -> Sequence[Decision]:
        """The legal next decisions, all of one knob; empty when `prefix` is a complete schedule."""

    def features(self, prefix: Schedule) -> NDArray[np.float32]:
        """Shape (d,), the same d for every prefix."""

    def check(self, schedule: Schedule) -> None:
        """Raise InvalidSchedule, naming the decision, unless `schedule` is complete and legal."""


@runtime_checkable
class CountedSpace(Space, Protocol):
    """A space that also knows how many complete schedules there are; `core.space.KnobSpace` does.

    Where counting would take too long a number may be too high, but for that of no schedule, which is exact. It is
    never too low, nor below the sum of those that it is made of.
    """

    def count(self, prefix: Schedule) -> int:
        """The number of complete schedules that begin with `prefix`."""

    def counts(self, prefix: Schedule) -> Sequence[int]:
        """For each of `options(prefix)`, the number of complete schedules that go on with it."""


@runtime_checkable
class RankedSpace(CountedSpace, Protocol):
    """A counted space that finds a schedule by its rank, without a look at what lies beside the way."""

    def ranked(self, rank: int) -> Schedule | None:
        """The schedule of a rank from 0 to below `count(Schedule())`; None where that is too high and none has it.

        Every schedule has exactly one rank.
        """


@runtime_checkable
class DividedSpace(CountedSpace, Protocol):
    """A space of several parts that deserve equal attention, however many schedules each has."""

    def divides(self, prefix: Schedule) -> bool:
        """Whether `options(prefix)` are such parts."""


@runtime_checkable
class HintedSpace(Space, Protocol):
    """A space that knows where to begin."""

    def hints(self) -> Sequence[Mapping[str, Value]]:
        """Values of all knobs that should do well together, the most promising first; each is a value of its knob, but
        together they need not be legal."""


@runtime_checkable
class NestedSpace(Space, Protocol):
    """A space whose decisions are about loop nests."""

    def subject(self, prefix: Schedule) -> Subject | None:
        """What the decision after `prefix`, which is not complete, is about; None for the program as a whole."""


SOURCE = "source"
"""The knob of the last decision of a schedule whose program was rewritten: its value is the text."""


@runtime_checkable
class RewritableSpace(Space, Protocol):
    """A space of programs that are text, a part of which may be rewritten.

    Any complete schedule may be followed by one more decision, of the knob SOURCE. No options offer it, since nobody
    can list them; `check` says whether a text may be there.
    """

    @property
    def source(self) -> str:
        """That part as it is."""

    @property
    def surroundings(self) -> tuple[str, str]:
        """What stands before and after it, and stays."""

    def unprotected(self) -> Sequence[str]:
        """What rewritten programs could reach on this system, and are meant to; usually nothing.

        Raises UserError where they could, and are not meant to.
        """


class Kernel(Protocol):
    """Machine code, ready to run in this process."""

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> Callable[[], None]:
        """A call on these very buffers, as cheap to make as the language allows.

        Outputs begin at a cache line (64 bytes), which a kernel may rely on.
        """

    def overhead(self) -> float:
        """Seconds that one bound call costs beyond the kernel itself."""

    def rest(self) -> None:
        """Put helper threads to sleep, so that they take no time from whoever is measured next.

        They sleep between any two calls from here on, until a kernel is loaded again.
        """


class Program(Protocol):
    """What a backend built: the transformed IR and what can be run from it."""

    @property
    def ir(self) -> str: ...
    @property
    def stage_seconds(self) -> Mapping[str, float]:
        """Seconds per stage of building, of what has been built so far."""

    def load(self) -> Kernel:
        """The kernel, ready to run; the first call may compile it to machine code. Raises CompileError."""


@runtime_checkable
class MonitoredKernel(Kernel, Protocol):
    """A kernel on a device that tells what state it is in."""

    def monitored(self) -> Mapping[str, float]:
        """What it told during the last calls, such as its clocks, by metric."""


# What some programs know besides. These protocols leave out what every program has: `isinstance` of Python 3.11
# evaluates a protocol's properties, and printing `ir` can take longer than simulating it.


@runtime_checkable
class SizedProgram(Protocol):
    """A program that knows how long its machine code is."""

    def code_bytes(self) -> int | None:
        """Bytes of instructions, once it is loaded; None where its compiler does not tell."""


@runtime_checkable
class HashedProgram(Protocol):
    """A program that can tell whether its machine code is that of another one."""

    def code_digest(self) -> str:
        """A hash of its machine code, once it is loaded: 32 hexadecimal digits, the same in every process."""


@runtime_checkable
class SimulatedProgram(Protocol):
    """A program whose cost can be told without running it."""

    def simulate(self) -> Mapping[str, float]:
        """`cost`, the seconds that a call should take on the backend's target, and further numbers by name.

        The same for the same program. Raises CompileError for a program that cannot be read.
        """


@runtime_checkable
class CalibratedProgram(SimulatedProgram, Protocol):
    """A program whose cost can be told by what its machine was measured to reach."""

    def calibrated(self, calibration: Calibration) -> SimulatedProgram:
        """The same program, and another cost; the same cost where it is for another machine."""


@runtime_checkable
class FeaturedProgram(SimulatedProgram, Protocol):
    """A program whose IR can be described by numbers, to learn from."""

    @property
    def simulated_on(self) -> str:
        """The backend's target, in a few words that are another's for no other target."""

    def ir_features(self) -> Mapping[str, float]:
        """Finite numbers of at least 0 by name, the same names for every program on one target.

        The same for the same program. Raises CompileError for a program that cannot be read.
        """


@runtime_checkable
class InterpretedProgram(SimulatedProgram, Protocol):
    """A program for another machine that can be verified on this one, on small sizes."""

    def interpreted(self) -> Iterable[tuple[Workload, Kernel]]:
        """The same computation on other sizes, each with the same kernel for them, carried out by an interpreter."""


class Backend(Protocol):
    """Turns a workload and a schedule into a program. Implementations are frozen dataclasses, like workloads."""

    @property
    def preload(self) -> tuple[str, ...]:
        """Modules that a worker should have imported before its first trial."""

    @property
    def thread_count(self) -> int:
        """CPU threads that its kernels use."""

    def space(self, workload: Workload) -> Space:
        """Raises UserError when this backend cannot optimise the workload."""

    def build(self, workload: Workload, schedule: Schedule | None) -> Program:
        """The program; `schedule=None` is the naive one. Raises InvalidSchedule or CompileError."""

    def export(self, workload: Workload, schedule: Schedule, directory: Path) -> None:
        """Write the program and everything needed to run it without mlopt into `directory`."""

    def roofline(self) -> Roofline:
        """Measure this machine (takes seconds; the caller keeps the answer)."""


@runtime_checkable
class ExplainedBackend(Backend, Protocol):
    """A backend that can say what it sees in a workload."""

    def explain(self, workload: Workload) -> str:
        """The program in short, its loop nests with their sizes, and what the target's vectors are, as text."""


@runtime_checkable
class TargetedBackend(Backend, Protocol):
    """A backend that can make programs for other machines, too."""

    @property
    def native(self) -> bool:
        """Whether they are for this machine; those for another one can be simulated, and not run."""


@runtime_checkable
class DeviceBackend(Backend, Protocol):
    """A backend whose programs run on a device with memory of its own, such as a GPU, of which there may be several."""

    def devices(self) -> Sequence[str]:
        """Those of this machine that its programs run on: names, each of which is no other device's."""

    def states(self) -> Sequence[Mapping[str, str]]:
        """What each of them is, under which driver, and at which clocks it runs now, as plain data.

        By the keys `KIND` and `DRIVER` of `mlopt.devices` studies know whether their times compare.
        """

    def use(self, device: str) -> None:
        """Let this process's kernels run on this one from here on."""

    def on_device(self, function: Callable[..., Any]) -> Kernel:
        """A function of PyTorch tensors as a kernel there, to compare with."""

    def computed(
        self, function: Callable[..., Sequence[Any]], arrays: Sequence[Array], device: str
    ) -> tuple[Array, ...]:
        """What a function makes of tensors on this device, or of arrays, that hold the values of these arrays."""


@runtime_checkable
class TunedBackend(DeviceBackend, Protocol):
    """A backend for devices whose compiler brings a tuner of its own, which its users have without mlopt."""

    @property
    def tuner(self) -> str:
        """The name of that, a word."""

    def tuned(self, workload: Workload) -> Callable[[], Schedule]:
        """Compile what that tuner would try; then it is called with the used device alone, and says what it chooses.

        Raises UserError where there is nothing to choose from.
        """


@runtime_checkable
class IdentifiedBackend(Backend, Protocol):
    """A backend that says what its programs depend on, so that measurements of them can be believed another time."""

    def identity(self, workload: Workload) -> Mapping[str, Any]:
        """The program before any decision, the compiler and its options, as plain data.

        Without what is known of it anyway: its class and source, its thread count, this machine, and the packages of
        `core.fingerprint`.
        """


class Library(Protocol):
    """A kernel compiled for programs that know nothing of mlopt."""

    def load(self) -> Kernel:
        """What `write` is going to write, to be verified first."""

    def write(self, directory: Path, origin: str) -> Sequence[str]:
        """Write it into an empty directory; `origin` says in a sentence or two who made it and how long a call takes.

        Returns what the user should know of it, such as what is missing, a line each.
        """


@runtime_checkable
class LibraryBackend(Backend, Protocol):
    """A backend whose kernels can also be had as libraries."""

    def library(self, workload: Workload, schedule: Schedule, name: str | None) -> Library:
        """The kernel as a function called `name`; None leaves the name to the backend.

        Raises UserError for a name or workload that cannot be exported, InvalidSchedule, CompileError.
        """


class Evaluator(Protocol):
    """Turns a program into a measurement."""

    @property
    def executes(self) -> bool:
        """Whether it runs programs: then it has the device to itself, and finalists meet the baselines at the end."""

    @property
    def inputs(self) -> Inputs:
        """How it gives inputs to the calls that it times, if it executes: finalists and baselines get theirs alike."""

    @property
    def preload(self) -> tuple[str, ...]: ...
    def prepare(self, workload: Workload) -> None:
        """Make what every evaluation of this workload needs in this process, such as references, and keep it.

        Called before each evaluation, without limit of time and beside others, who may take time meanwhile.
        """

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        """Judge one program; `best` is the objective to beat so far. Raises WrongResult."""


@runtime_checkable
class ScreeningEvaluator(Evaluator, Protocol):
    """An evaluator that executes programs, but not all of them."""

    def screen(self, program: Program, workload: Workload, best: float | None) -> Mapping[str, float]:
        """Metrics of a program, found beside others and before it is loaded.

        Where `estimated_seconds` are among them, which are not below the best executed program's, it need not be
        executed; otherwise it is evaluated, too.
        """


@runtime_checkable
class BoundedEvaluator(Evaluator, Protocol):
    """An evaluator that sees to it that kernels use no more threads than they were given, and no clock of their own."""

    def bounded(self, threads: int | None) -> Evaluator:
        """The evaluator of kernels that may use so many CPU threads.

        None: they run on a device (`DeviceBackend`), whose clock is believed, and nobody counts threads.
        """


@runtime_checkable
class IdentifiedEvaluator(Evaluator, Protocol):
    """An evaluator whose measurements mean the same another time."""

    def identity(self) -> Mapping[str, Any]:
        """The settings that its numbers depend on, as plain data."""


@runtime_checkable
class CalibratedEvaluator(Evaluator, Protocol):
    """An evaluator whose judgement may depend on what this machine was measured to reach, where that is known."""

    @property
    def measured(self) -> bool:
        """Whether it does."""

    def calibrated(self, calibration: Calibration) -> Evaluator:
        """The evaluator that does; this one where none does."""


@runtime_checkable
class TrainedEvaluator(Evaluator, Protocol):
    """An evaluator that may have been trained beforehand."""

    @property
    def training(self) -> Mapping[str, Any] | None:
        """What on, as plain data; None where it was not. Raises UserError."""


@runtime_checkable
class LearningEvaluator(Evaluator, Protocol):
    """An evaluator whose judgement of a program depends on the trials before it."""

    def informed(self, trials: Sequence[Trial]) -> Evaluator:
        """The evaluator of the next trial of a study that has had these, in the order of their ends."""


class Search(Protocol):
    """Proposes schedules and learns from what became of them.

    When a study is gone on with, a fresh search is asked and told what the first one was, in the same order: it had
    better answer alike, which it does if it draws from the context's generator and looks at nothing else. Trials that
    it did not propose itself it takes as told by somebody else.
    """

    def start(self, space: Space, context: StudyContext) -> None:
        """Called once, before all else."""

    def ask(self, n: int) -> Sequence[Schedule]:
        """At most n new schedules. Nothing while trials are pending means "wait"; with none pending, "exhausted"."""

    def tell(self, trials: Sequence[Trial]) -> None:
        """Finished trials, in any order; may hold schedules that were never asked for (a resumed study)."""


@runtime_checkable
class SpendingSearch(Search, Protocol):
    """A search whose proposals cost money."""

    @property
    def spent(self) -> float:
        """What it has paid so far, since it was made, in the currency of `budget.money`."""


@runtime_checkable
class AccountableSearch(Search, Protocol):
    """A search that knows where its proposals come from, and what they have cost."""

    def account(self, schedule: Schedule) -> tuple[str, Mapping[str, float]]:
        """Who proposed `schedule`, in a word ('' where nobody knows), and what that has cost, by metric."""


@runtime_checkable
class ObjectivesSearch(Search, Protocol):
    """A search that may minimise several numbers of a trial together."""

    @property
    def objectives(self) -> Sequence[str]:
        """Their names (see `core.pareto.point`); none where it minimises the trials' own objective."""


class Executor(Protocol):
    """Runs picklable work in killable workers, and knows nothing of what the work is."""

    @property
    def slots(self) -> int:
        """How many works run at once."""

    def start(self, preload: Sequence[str]) -> None:
        """Get workers ready, each with these modules imported."""

    def submit(self, work: Callable[[], R], deadline_seconds: float) -> Future[R]:
        """Run `work` in a worker, killed `deadline_seconds` after it took the work up.

        Seconds for which the work stops its clock (`executor.clock`), as in waiting for a device, do not count. The
        future raises WorkerLost when the worker died or was killed, and what `work` raised otherwise. Where nobody
        knows who killed the worker, the work is done once more, and it is lost when that happens again.
        """

    def close(self) -> None:
        """Kill whatever still runs; leaves no process behind. May be called twice."""


@runtime_checkable
class RemoteExecutor(Protocol):
    """What an executor also has that can reach other machines."""

    @property
    def remote(self) -> bool:
        """Whether its workers may run elsewhere than on this machine."""


@runtime_checkable
class QueueingExecutor(Protocol):
    """What an executor also has whose slots have to wait for a work to travel."""

    @property
    def in_line(self) -> int:
        """How many works more than `slots` are worth submitting now, for slots not to wait."""


@runtime_checkable
class SharableExecutor(Protocol):
    """What an executor also has that takes long to start, and so is started once for several studies."""

    @property
    def sharable(self) -> bool:
        """Whether there is anything to start."""

    def shared(self, slots: int) -> AbstractContextManager[Future[str]]:
        """Begin to start it, with room for `slots` works; gives the address where executors `join` it."""

    def join(self, address: Future[str]) -> None:
        """Use what is started elsewhere; to be called before `start`."""


@dataclass(frozen=True, slots=True)
class StudyInfo:
    """What a tracker is told of a study at its start."""

    name: str
    directory: Path
    config: Mapping[str, Any]
    """The composed configuration: nested plain data."""
    tags: Mapping[str, str]
    trials: Sequence[Trial] = ()
    """Those that are done already, of a study that is gone on with."""
    seconds: float = 0.0
    """What these have taken of the budget."""
    sweep: Path | None = None
    """The folder of the sweep that it is part of."""


class Tracker(Protocol):
    """Mirrors a study somewhere else: to MLflow, to the terminal."""

    def start(self, info: StudyInfo) -> None: ...
    def baseline(self, name: str, seconds: float) -> None:
        """A first estimate of a baseline, to see progress against; the result has the one that counts."""

    def note(self, text: str) -> None:
        """Something that the user should know of this study, in a line."""

    def log(self, trial: Trial) -> None:
        """One finished trial; must return at once, whatever the state of the other end."""

    def finish(self, result: Mapping[str, Any] | None) -> None:
        """The study is over and its files are written; `result` is `result.json`'s content, None after a failure."""
