"""The contract of backends catches each way to break it; what is broken here is the MLIR backend."""

from __future__ import annotations

import inspect
import itertools
import mmap
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.library.write import MlirLibrary
from mlopt.backend.mlir.program import MlirProgram
from mlopt.core.errors import InvalidSchedule
from mlopt.core.schedule import Schedule
from mlopt.protocols import Array, Backend, Kernel, Workload
from mlopt.testing import BackendContract
from mlopt.testing.backend import schedules
from mlopt.workloads.matmul.workload import Matmul

SMALL = Matmul(m=16, n=16, k=16)


@dataclass(frozen=True)
class Sound(Mlir):
    threads: int | str = 1


@dataclass(frozen=True)
class Turned(Matmul):
    def source(self, language: str) -> str:
        return SMALL.source(language).replace("ins(%a, %b", "ins(%b, %a")


class Wrong(Sound):
    def build(self, workload: Workload, schedule: Schedule | None) -> MlirProgram:
        return super().build(Turned(m=16, n=16, k=16), schedule)


class Lenient(Sound):
    def build(self, workload: Workload, schedule: Schedule | None) -> MlirProgram:
        try:
            return super().build(workload, schedule)
        except InvalidSchedule:
            return super().build(workload, None)


class Deaf(Sound):
    """Builds the naive program always."""

    def build(self, workload: Workload, schedule: Schedule | None) -> MlirProgram:
        return super().build(workload, None)


class Unpicklable(Sound):
    def __reduce__(self) -> str:
        return "no such name"


class Threadless(Sound):
    @property
    def thread_count(self) -> int:
        return 0


class Bound(Sound):
    """An export that needs mlopt."""

    def export(self, workload: Workload, schedule: Schedule, directory: Path) -> None:
        super().export(workload, schedule, directory)
        rerun = directory / "rerun.py"
        rerun.write_text("import mlopt\n" + rerun.read_text())


class Content(Sound):
    """An export that does not check what it computes."""

    def export(self, workload: Workload, schedule: Schedule, directory: Path) -> None:
        super().export(workload, schedule, directory)
        (directory / "rerun.py").write_text("print(1e-3)")


class Hasty(Sound):
    def export(self, workload: Workload, schedule: Schedule, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        super().export(workload, schedule, directory)


class Swapped(Sound):
    """A library of something else."""

    def library(self, workload: Workload, schedule: Schedule, name: str | None) -> MlirLibrary:
        return super().library(Turned(m=16, n=16, k=16), schedule, name)


class Unwritten(Sound):
    def library(self, workload: Workload, schedule: Schedule, name: str | None) -> MlirLibrary:
        library = super().library(workload, schedule, name)
        vars(library)["write"] = lambda directory, origin: []
        return library


@dataclass
class Faulty:
    """A kernel that does something besides."""

    kernel: Kernel
    besides: Callable[[Sequence[Array], Sequence[Array]], Any]

    def bind(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> Callable[[], None]:
        call = self.kernel.bind(inputs, outputs)

        def faulty() -> None:
            call()
            self.besides(inputs, outputs)

        return faulty

    def overhead(self) -> float:
        return -1.0

    def rest(self) -> None:
        self.kernel.rest()


def grow(inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
    outputs[0][...] += 1


def drift(inputs: Sequence[Array], outputs: Sequence[Array], calls: Iterator[int] = itertools.count()) -> None:  # noqa: B008
    outputs[0][...] += next(calls)


def write_to_input(inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
    inputs[0][0] += 1


kept: list[mmap.mmap] = []


def leak(inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
    page = mmap.mmap(-1, mmap.PAGESIZE)  # fresh from the system, not from what this process has freed before
    page[0] = 1
    kept.append(page)


class Hoarding(Sound):
    """Keeps 1 MiB of each build."""

    def build(self, workload: Workload, schedule: Schedule | None) -> MlirProgram:
        kept.append(mmap.mmap(-1, 1 << 20))
        kept[-1].write(b"1" * (1 << 20))
        return super().build(workload, schedule)


class Contract(BackendContract):
    backend: Backend = Sound()

    def make(self) -> Backend:
        return self.backend

    def workload(self) -> Workload:
        return SMALL

    def spoil(self, folder: Path) -> None:
        (folder / "payload.mlir").write_text(Turned(m=16, n=16, k=16).source("mlir"))


def exported(backend: Backend, folder: Path) -> Path:
    backend.export(SMALL, schedules(backend, SMALL)[0], folder)
    return folder


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Unpicklable, "equal_ones_are_interchangeable_and_survive_pickle"),
        (Threadless, "says_what_workers_should_import_and_how_many_threads_it_uses"),
        (Wrong, "the_naive_program_computes_right"),
        (Wrong, "a_bound_call_keeps_alive_what_it_needs"),
        (Deaf, "a_program_tells_its_ir_and_how_long_each_stage_took"),
        (Lenient, "what_the_space_does_not_allow_is_neither_built_nor_exported"),
        (Hasty, "what_the_space_does_not_allow_is_neither_built_nor_exported"),
        (Bound, "an_exported_kernel_runs_without_mlopt"),
        (Swapped, "a_library_if_it_makes_any_is_right_and_can_be_written"),
        (Unwritten, "a_library_if_it_makes_any_is_right_and_can_be_written"),
        (Content, "an_exported_kernel_that_computes_something_else_says_so"),
    ],
)
def test_a_broken_backend_fails(broken: type[Sound], test: str, tmp_path: Path) -> None:
    contract = Contract()
    contract.backend = broken()
    check = getattr(contract, f"test_{test}")
    wanted = inspect.signature(check).parameters
    given = {"tmp_path": tmp_path / "place", "exported": None}
    if "exported" in wanted:
        given["exported"] = exported(contract.backend, tmp_path / "place")
    (tmp_path / "place").mkdir(exist_ok=True)
    with pytest.raises((AssertionError, pickle.PicklingError, pytest.fail.Exception)):
        check(**{name: given[name] for name in wanted})


@pytest.mark.parametrize(
    ("besides", "test"),
    [
        (drift, "a_kernel_does_not_depend_on_earlier_calls_and_leaves_its_inputs_alone"),
        (write_to_input, "a_kernel_does_not_depend_on_earlier_calls_and_leaves_its_inputs_alone"),
        (grow, "a_call_stays_bound_to_its_buffers"),
        (grow, "a_kernel_works_again_after_a_rest"),
        (grow, "the_overhead_of_a_call_is_a_number_of_seconds"),
    ],
)
def test_a_broken_kernel_fails(besides: Callable[..., Any], test: str) -> None:
    kernel = Sound().build(SMALL, schedules(Sound(), SMALL)[0]).load()
    with pytest.raises(AssertionError):
        getattr(Contract(), f"test_{test}")(Faulty(kernel, besides))


def test_a_broken_kernel_among_others_fails() -> None:
    kernel = Sound().build(SMALL, None).load()
    Contract().test_drawn_schedules_compute_right([kernel])
    with pytest.raises(AssertionError):
        Contract().test_drawn_schedules_compute_right([kernel, Faulty(kernel, grow)])


def test_a_kernel_that_keeps_memory_fails() -> None:
    kernel = Sound().build(SMALL, None).load()
    with pytest.raises(AssertionError):
        Contract().test_calls_leave_nothing_behind([kernel, Faulty(kernel, leak)])
    kept.clear()


def test_a_backend_that_keeps_memory_of_each_build_fails() -> None:
    contract = Contract()
    contract.builds = 8
    contract.test_builds_leave_nothing_behind()
    contract.backend = Hoarding()
    with pytest.raises(AssertionError):
        contract.test_builds_leave_nothing_behind()
    kept.clear()
