"""The contract of backends."""

from __future__ import annotations

import gc
import importlib
import math
import pickle
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from ..core.errors import InvalidSchedule, UserError
from ..core.schedule import Decision, Schedule
from ..protocols import Array, Backend, Kernel, LibraryBackend, Workload
from .space import walks
from .workload import DISTRIBUTIONS, draw, within_tolerance

SCHEDULES = 5
CACHE_LINE = 64
"""Bytes: where kernels expect their outputs to begin."""
CALLS = 2000
CALLS_BYTES = 2 << 20
"""Resident memory that CALLS calls may take for good."""
BUILD_BYTES = 800 << 10
"""The same for one build of many; the first ones fill caches that stay."""


class BackendContract(ABC):
    """What every backend promises evaluators and users. Subclass it as `Test...` and say how to make one."""

    builds = 20
    """How many are made to see what each leaves behind; a backend whose builds take long may ask for fewer."""

    @abstractmethod
    def make(self) -> Backend:
        """The same each time."""

    @abstractmethod
    def workload(self) -> Workload:
        """A small one, which takes a moment to build and next to no time to run."""

    @abstractmethod
    def spoil(self, folder: Path) -> None:
        """Change the kernel exported to `folder` so that it computes something else."""

    @pytest.fixture(scope="class")
    @classmethod
    def kernels(cls) -> Sequence[Kernel]:
        """Kernels of a few schedules, shared by the tests that call them."""
        backend, workload = cls().make(), cls().workload()
        return [backend.build(workload, schedule).load() for schedule in schedules(backend, workload)]

    @pytest.fixture
    def kernel(self, kernels: Sequence[Kernel]) -> Kernel:
        return kernels[0]

    @pytest.fixture(scope="class")
    @classmethod
    def exported(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A folder that did not exist before, with an exported kernel."""
        backend, workload = cls().make(), cls().workload()
        folder = tmp_path_factory.mktemp("exported") / "new" / "best"
        backend.export(workload, schedules(backend, workload)[0], folder)
        return folder

    def test_equal_ones_are_interchangeable_and_survive_pickle(self) -> None:
        backend = self.make()
        again = pickle.loads(pickle.dumps(backend))
        assert again == backend == self.make()
        assert hash(again) == hash(backend) == hash(self.make())

    def test_says_what_workers_should_import_and_how_many_threads_it_uses(self) -> None:
        backend = self.make()
        for module in backend.preload:
            importlib.import_module(module)
        assert isinstance(backend.thread_count, int)
        assert backend.thread_count >= 1

    def test_the_naive_program_computes_right(self) -> None:
        assert_computes(self.make(), self.workload(), None)

    def test_drawn_schedules_compute_right(self, kernels: Sequence[Kernel]) -> None:
        for kernel in kernels:
            assert_right(kernel, self.workload())

    def test_a_kernel_does_not_depend_on_earlier_calls_and_leaves_its_inputs_alone(self, kernel: Kernel) -> None:
        workload = self.workload()
        inputs, pristine = draw(workload, "normal"), draw(workload, "normal")
        outputs = poisoned(workload)
        call = kernel.bind(inputs, outputs)
        call()
        first = [output.copy() for output in outputs]
        call()
        assert all(np.array_equal(a, b) for a, b in zip(outputs, first, strict=True))
        assert all(np.array_equal(a, b) for a, b in zip(inputs, pristine, strict=True))

    def test_a_call_stays_bound_to_its_buffers(self, kernel: Kernel) -> None:
        workload = self.workload()
        bound = []
        for seed in (0, 1):
            inputs, outputs = draw(workload, "normal", seed), poisoned(workload)
            bound.append((kernel.bind(inputs, outputs), inputs, outputs))
        for call, inputs, outputs in bound:
            call()
            assert within_tolerance(workload, inputs, outputs)

    def test_a_bound_call_keeps_alive_what_it_needs(self) -> None:
        backend, workload = self.make(), self.workload()
        inputs, outputs = draw(workload, "normal"), poisoned(workload)
        call = backend.build(workload, None).load().bind(draw(workload, "normal"), outputs)
        gc.collect()
        call()
        assert within_tolerance(workload, inputs, outputs)

    def test_a_kernel_works_again_after_a_rest(self, kernel: Kernel) -> None:
        workload = self.workload()
        inputs, outputs = draw(workload, "normal"), poisoned(workload)
        call = kernel.bind(inputs, outputs)
        kernel.rest()
        call()
        assert within_tolerance(workload, inputs, outputs)

    def test_the_overhead_of_a_call_is_a_number_of_seconds(self, kernel: Kernel) -> None:
        assert 0 <= kernel.overhead() < math.inf

    def test_a_program_tells_its_ir_and_how_long_each_stage_took(self) -> None:
        backend, workload = self.make(), self.workload()
        programs = [backend.build(workload, schedule) for schedule in (None, *schedules(backend, workload)[:1])]
        assert len({program.ir for program in programs}) == 2
        for program in programs:
            assert program.stage_seconds
            assert min(program.stage_seconds.values()) >= 0

    def test_a_schedule_always_gives_the_same_program(self) -> None:
        backend, workload = self.make(), self.workload()
        schedule = schedules(backend, workload)[0]
        assert backend.build(workload, schedule).ir == backend.build(workload, schedule).ir

    def test_what_the_space_does_not_allow_is_neither_built_nor_exported(self, tmp_path: Path) -> None:
        backend, workload = self.make(), self.workload()
        sound = schedules(backend, workload)[0]
        for wrong in (Schedule(), sound.prefix(len(sound) - 1), sound.then(Decision("no such knob", 1))):
            with pytest.raises(InvalidSchedule):
                backend.build(workload, wrong)
            with pytest.raises(InvalidSchedule):
                backend.export(workload, wrong, tmp_path / "best")
        assert not (tmp_path / "best").exists()

    def test_a_workload_that_it_has_no_program_of_is_a_mistake(self) -> None:
        with pytest.raises(UserError):
            self.make().space(Wordless(self.workload()))

    def test_calls_leave_nothing_behind(self, kernels: Sequence[Kernel]) -> None:
        workload = self.workload()
        for kernel in kernels:
            call = kernel.bind(draw(workload, "normal"), poisoned(workload))
            before = resident_bytes_after([call] * (CALLS // 10))
            assert resident_bytes_after([call] * CALLS) - before < CALLS_BYTES
            kernel.rest()

    def test_builds_leave_nothing_behind(self) -> None:
        backend, workload = self.make(), self.workload()
        schedule = schedules(backend, workload)[0]

        def build() -> None:
            backend.build(workload, schedule).load()

        before = resident_bytes_after([build] * 2)
        assert resident_bytes_after([build] * self.builds) - before < BUILD_BYTES * self.builds

    def test_the_roofline_is_positive(self) -> None:
        roofline = self.make().roofline()
        assert roofline.flops_per_second > 0
        assert roofline.bytes_per_second > 0

    def test_an_exported_kernel_runs_without_mlopt(self, exported: Path) -> None:
        done = rerun(exported)
        assert done.returncode == 0, done.stderr
        assert float(done.stdout) > 0

    def test_an_exported_kernel_that_computes_something_else_says_so(self, exported: Path) -> None:
        files = {path: path.read_bytes() for path in exported.iterdir() if path.is_file()}
        self.spoil(exported)
        done = rerun(exported)
        for path, content in files.items():
            path.write_bytes(content)
        assert (done.returncode, done.stdout.strip()) == (1, "wrong result"), done.stderr

    def test_a_library_if_it_makes_any_is_right_and_can_be_written(self, tmp_path: Path) -> None:
        backend, workload = self.make(), self.workload()
        if not isinstance(backend, LibraryBackend):
            pytest.skip("it makes no libraries")
        library = backend.library(workload, schedules(backend, workload)[0], None)
        assert_right(library.load(), workload)
        library.write(tmp_path, "By a test.")
        assert any(tmp_path.iterdir())


@dataclass(frozen=True)
class Wordless:
    """A workload without a program in any language."""

    whole: Workload

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole, name)

    def source(self, language: str) -> str:
        raise UserError(f"no program in {language}")


def schedules(backend: Backend, workload: Workload) -> Sequence[Schedule]:
    """Random schedules, the same ones each time."""
    return walks(backend.space(workload))[:SCHEDULES]


def assert_computes(backend: Backend, workload: Workload, schedule: Schedule | None) -> None:
    """The program of a schedule (None: the naive one) computes what the workload's reference says."""
    assert_right(backend.build(workload, schedule).load(), workload)


def assert_right(kernel: Kernel, workload: Workload) -> None:
    """A kernel computes what the workload's reference says, on inputs of either kind and outputs that it must write."""
    for distribution in DISTRIBUTIONS:
        inputs, outputs = draw(workload, distribution), poisoned(workload)
        kernel.bind(inputs, outputs)()
        assert within_tolerance(workload, inputs, outputs), f"{workload} on {distribution} inputs"
    kernel.rest()


def poisoned(workload: Workload) -> tuple[Array, ...]:
    """Outputs at cache lines, full of NaN, or of the largest number where the dtype has no NaN."""
    found = []
    for spec in workload.outputs:
        dtype = np.dtype(spec.dtype)
        memory = np.empty(math.prod(spec.shape) * dtype.itemsize + CACHE_LINE, np.uint8)
        start = -memory.ctypes.data % CACHE_LINE
        output = memory[start : memory.size - CACHE_LINE + start].view(dtype).reshape(spec.shape)
        output.fill(np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else np.nan)
        found.append(output)
    return tuple(found)


def resident_bytes_after(calls: Sequence[Callable[[], None]]) -> int:
    for call in calls:
        call()
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def rerun(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the exported `rerun.py` in an interpreter that refuses to import mlopt."""
    program = "import runpy, sys; sys.modules['mlopt'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", program, folder / "rerun.py"],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
