"""The Triton backend: kernels for GPUs, compiled ahead of time, on a machine with a GPU or without."""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import CompileError, InvalidSchedule, UserError
from ...core.schedule import Schedule
from ...core.tensors import to_torch
from ...protocols import SOURCE, Array, Kernel, Roofline, Workload
from .host import of_this_machine, present, states
from .isolation import Isolation, check, unprotected
from .target import Gpu

if TYPE_CHECKING:
    from .kernel_file import KernelFile
    from .program import TritonProgram
    from .rewritten import RewrittenProgram
    from .space import KernelSpace

TUNING_SECONDS = 20.0
"""That Triton's own autotuner has: it needs some 0.2 s for each configuration, and nobody else is timed meanwhile."""


@dataclass(frozen=True)
class Triton:
    """Triton kernels for the GPU `target`, which need not be here; any other target stands for the GPU that is."""

    target: object
    isolation: Isolation = "required"
    """Of rewritten kernels: whether they must be confined in every way, or only as far as the system can."""

    def __post_init__(self) -> None:
        check(self.isolation)

    @property
    def gpu(self) -> Gpu:
        """Raises UserError where there is none."""
        return self.target if isinstance(self.target, Gpu) else of_this_machine(present())

    @property
    def preload(self) -> tuple[str, ...]:
        return ("torch", "triton", "mlopt.backend.triton.ahead", "mlopt.backend.triton.program")

    @property
    def thread_count(self) -> int:
        return 1

    @property
    def native(self) -> bool:
        return self.gpu.arch in {gpu.arch for gpu in present()}

    def space(self, workload: Workload) -> KernelSpace:
        from .kernel_file import source_of
        from .region import region
        from .space import KernelSpace, RewritableKernelSpace

        file, found = self._file(workload), region(source_of(workload).text)
        if found is None:
            return KernelSpace(file, workload, self.gpu)
        return RewritableKernelSpace(file, workload, self.gpu, found, self.isolation)

    def build(self, workload: Workload, schedule: Schedule | None) -> TritonProgram | RewrittenProgram:
        space = self.space(workload)
        if schedule is None:
            schedule = _first(space)
        space.check(schedule)
        config = schedule.values()
        if (text := config.pop(SOURCE, None)) is not None:
            return self._rewritten(workload, str(text), config)
        return self._compiled(workload, config)

    def explain(self, workload: Workload) -> str:
        figures = json.dumps(asdict(self.gpu))
        return f"A Triton kernel for this GPU (sizes in bytes, rates per cycle and multiprocessor):\n{figures}"

    def export(self, workload: Workload, schedule: Schedule, directory: Path) -> None:
        from .export import export

        export(workload, self.build(workload, schedule), directory)

    def devices(self) -> Sequence[str]:
        """GPUs of the target's kind."""
        return [gpu.identity for gpu in present() if gpu.arch == self.gpu.arch]

    def states(self) -> Sequence[Mapping[str, str]]:
        return states(self.devices())

    def use(self, device: str) -> None:
        from .cuda import use

        use(device)

    def on_device(self, function: Callable[..., Any]) -> Kernel:
        from .cuda import Cuda
        from .device import DeviceKernel

        def launch(tensors: Sequence[Any]) -> Sequence[Any]:
            found = function(*tensors)
            return found if isinstance(found, tuple) else (found,)

        return DeviceKernel(launch, Cuda())

    def computed(
        self, function: Callable[..., Sequence[Any]], arrays: Sequence[Array], device: str
    ) -> tuple[Array, ...]:
        from .cuda import Cuda, place
        from .device import computed

        found = computed(function, arrays, place(device))
        Cuda().release()
        return found

    @property
    def tuner(self) -> str:
        return "triton_autotune"

    def tuned(self, workload: Workload) -> Callable[[], Schedule]:
        """Of the configurations to begin with, which are those of the decorator where a kernel is under one."""
        from .autotuner import autotuned
        from .cuda import Cuda

        programs: dict[Schedule, TritonProgram] = {}
        for schedule in _legal(self.space(workload)):
            with contextlib.suppress(CompileError):
                programs[schedule] = self._compiled(workload, schedule.values())
        if len(programs) < 2:
            raise UserError("the kernel's file lists no configurations for triton.autotune to choose from")

        def choose() -> Schedule:
            arrays = workload.inputs(np.random.default_rng(0), "normal")
            tensors = [to_torch(array).to(Cuda.name) for array in arrays]
            calls = {each: functools.partial(program.launcher(), tensors) for each, program in programs.items()}
            return autotuned(calls, TUNING_SECONDS)

        return choose

    def roofline(self) -> Roofline:
        from .cuda import use
        from .roofline import measure

        use(self.devices()[0])
        return measure()

    def _compiled(self, workload: Workload, config: Mapping[str, Any]) -> TritonProgram:
        from .ahead import launches
        from .kernel_file import given, source_of
        from .program import TritonProgram

        start = time.perf_counter()
        parameters = {**given(workload), "multiprocessors": self.gpu.multiprocessors}
        found = launches(self._file(workload), config, workload.operands, parameters, self.gpu)
        seconds = {"compile": time.perf_counter() - start}
        return TritonProgram(workload, source_of(workload), config, found, self.gpu, seconds)

    def _rewritten(self, workload: Workload, text: str, config: Mapping[str, Any]) -> RewrittenProgram:
        from .kernel_file import source_of
        from .region import region
        from .rewritten import build

        unprotected(self.isolation)
        given = source_of(workload)
        found = region(given.text)
        assert found is not None  # or the space would not have allowed it
        return build(workload, given, replace(given, text=found.rewritten(text)), config, self.gpu)

    def _file(self, workload: Workload) -> KernelFile:
        from .ahead import stand_in
        from .kernel_file import source_of

        return source_of(workload).load(stand_in(self.gpu))


def _legal(space: KernelSpace) -> Iterator[Schedule]:
    """The space's hints, as far as they are legal."""
    for hint in space.hints():
        schedule = Schedule.of({knob.name: hint[knob.name] for knob in space.knobs})
        with contextlib.suppress(InvalidSchedule):
            space.check(schedule)
            yield schedule


def _first(space: KernelSpace) -> Schedule:
    """The first of the space's hints that is legal, else its first schedule: what a user without a tuner would run."""
    for hinted in _legal(space):
        return hinted
    schedule = Schedule()
    while options := space.options(schedule):
        schedule = schedule.then(options[0])
    return schedule
