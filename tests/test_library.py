"""A library is verified first, and written only if it is right."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from doubles import Function, PythonKernel, ToyBackend, ceases_to_write, right, silent, skips_the_last_element

from mlopt.core.errors import WrongResult
from mlopt.core.schedule import Schedule
from mlopt.library import WriteLibrary
from mlopt.protocols import Kernel, LibraryBackend, Workload
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("own_device")
MATMUL = Matmul(3, 5, 4)
SCHEDULE = Schedule.of({"number": 0})


@dataclass(frozen=True)
class ToyLibrary:
    name: str | None
    kernel: Kernel

    def load(self) -> Kernel:
        return self.kernel

    def write(self, directory: Path, origin: str) -> Sequence[str]:
        (directory / "library").write_text(f"{self.name} {origin}")
        return ["no linker"]


@dataclass(frozen=True)
class ToyLibraryBackend(ToyBackend):
    kernels: list[PythonKernel] = field(default_factory=list, compare=False)

    def library(self, workload: Workload, schedule: Schedule, name: str | None) -> ToyLibrary:
        self.kernels.append(PythonKernel(self.make()))
        return ToyLibrary(name, self.kernels[-1])


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An empty one."""
    (tmp_path / "new").mkdir()
    return tmp_path / "new"


def write(make: Callable[[], Function], directory: Path) -> tuple[Sequence[str], PythonKernel]:
    backend = ToyLibraryBackend(make=make)
    return WriteLibrary(MATMUL, backend, SCHEDULE, "f", "by me", directory)(), backend.kernels[0]


def test_a_right_one_is_written_beside_best(directory: Path) -> None:
    notes, kernel = write(right, directory)
    assert notes == ["no linker"]
    assert (directory / "library").read_text() == "f by me"
    assert (directory / "best" / "record.json").exists()
    assert kernel.bound[-1] is None  # put to rest


def late() -> Function:
    return ceases_to_write(2)


@pytest.mark.parametrize("make", [silent, skips_the_last_element, late])
def test_a_wrong_one_is_not(make: Callable[[], Function], directory: Path) -> None:
    with pytest.raises(WrongResult):
        write(make, directory)
    assert list(directory.iterdir()) == []


def test_it_can_be_sent_to_a_worker() -> None:
    work = WriteLibrary(MATMUL, ToyLibraryBackend(), SCHEDULE, None, "", Path("x"))
    assert pickle.loads(pickle.dumps(work)) == work


def test_backends_say_whether_they_make_libraries() -> None:
    assert isinstance(ToyLibraryBackend(), LibraryBackend)
    assert not isinstance(ToyBackend(), LibraryBackend)
