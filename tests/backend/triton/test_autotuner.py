"""Triton's own autotuner: what it chooses of launchers, for finals and benchmarks to compare with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from user_kernel import FILE

from mlopt.backend.triton import autotuner, backend, program
from mlopt.backend.triton.backend import Triton
from mlopt.backend.triton.cuda import Cuda
from mlopt.backend.triton.host import Present
from mlopt.backend.triton.kernel_file import LEFT_OUT
from mlopt.backend.triton.target import Gpu
from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.protocols import TunedBackend
from mlopt.workloads.triton_file.workload import TritonFile

SCHEDULES = [Schedule.of({"BLOCK": block, "num_warps": 4, "maxnreg": LEFT_OUT}) for block in (64, 128, 256, 512)]


class Launches:
    """Which schedule was launched last; those of blocks near 250 are the fastest, and some, by size, fail."""

    def __init__(self, failing: Sequence[int] = ()) -> None:
        self.last: Schedule | None = None
        self.calls = {schedule: self._call(schedule, failing) for schedule in SCHEDULES}

    def _call(self, schedule: Schedule, failing: Sequence[int]) -> Callable[[], None]:
        def call() -> None:
            if schedule.values()["BLOCK"] in failing:
                raise RuntimeError("an illegal memory access")
            self.last = schedule

        return call

    def benchmark(self, call: Callable[[], object], quantiles: Sequence[float]) -> Sequence[float]:
        call()
        assert self.last is not None
        return [abs(int(str(self.last.values()["BLOCK"])) - 250.0)] * len(quantiles)


def test_it_chooses_by_its_own_decorator_and_launches_what_it_chose() -> None:
    launches = Launches()
    chosen = autotuner.autotuned(launches.calls, 60.0, launches.benchmark)
    assert chosen == launches.last == SCHEDULES[2]


def test_it_passes_over_what_cannot_be_launched() -> None:
    launches = Launches(failing=(256, 512))
    assert autotuner.autotuned(launches.calls, 60.0, launches.benchmark) == SCHEDULES[1]


def test_it_stops_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    launches, clock = Launches(), itertools.count()
    monkeypatch.setattr(autotuner, "time", SimpleNamespace(perf_counter=lambda: float(next(clock))))
    assert autotuner.autotuned(launches.calls, 2.5, launches.benchmark) == SCHEDULES[1]


def test_it_is_given_the_configurations_of_the_files_decorator(
    tmp_path: Path, described: Callable[[str], Gpu], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "k.py"
    file.write_text(FILE)
    given: list[Schedule] = []

    def second(calls: dict[Schedule, Callable[[], object]], seconds: float) -> Schedule:
        given.extend(calls)
        return given[1]

    monkeypatch.setattr(autotuner, "autotuned", second)
    monkeypatch.setattr(Cuda, "name", "cpu")
    for module in (backend, program):
        monkeypatch.setattr(module, "present", lambda: (Present("NVIDIA H200", 90, "GPU-1"),))
    triton = Triton(described("h200"))
    assert isinstance(triton, TunedBackend)
    chosen = triton.tuned(TritonFile(str(file)))()
    assert [schedule.values()["BLOCK"] for schedule in given] == [64, 256]
    assert chosen.values()["num_warps"] == 2


def test_a_file_with_one_configuration_leaves_it_no_choice(tmp_path: Path, described: Callable[[str], Gpu]) -> None:
    file = tmp_path / "k.py"
    file.write_text(FILE.replace(', triton.Config({"BLOCK": 256}, num_warps=2)', ""))
    with pytest.raises(UserError, match="no configurations"):
        Triton(described("h200")).tuned(TritonFile(str(file)))
