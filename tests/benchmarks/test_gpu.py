"""The benchmark of GPU kernels: it is run where there is a GPU, once and unseen, so that nothing may be lost."""

from __future__ import annotations

import importlib
import itertools
import json
import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlopt.backend.triton import backend, host
from mlopt.backend.triton.host import Present
from mlopt.core.trial import Status, WorkerLost
from mlopt.protocols import Workload
from mlopt.workloads.softmax.workload import Softmax

SCRIPTS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """A module of benchmarks/, on a machine with an H200."""
    monkeypatch.syspath_prepend(SCRIPTS)
    here = (Present("NVIDIA H200", 90, "GPU-1"),)
    for module in (backend, host):
        monkeypatch.setattr(module, "present", lambda: here)
    return importlib.import_module


class Compilers:
    """Compile at once, whatever it is."""

    slots = 4

    def submit(self, work: Any, seconds: float) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(({"cost": float(work.schedule.values()["num_warps"])}, 0.1))
        return future


class Gpu:
    """Times kernels by a formula; works of kind `lost` take the process with them, and there is no room for `large`."""

    def __init__(self, lost: str = "", large: Workload | None = None) -> None:
        self._lost, self._large = lost, large
        self._ready = False

    def run(self, work: Any, seconds: float) -> Any:
        kind = type(work).__name__
        if kind == self._lost:
            self._ready = False
            raise WorkerLost(Status.CRASH, "exited with code 70")
        if kind == "Ready":
            if work.workload == self._large:
                raise MemoryError("no room")
            self._ready = True
            return None
        assert self._ready, "what was ready was lost with the process"
        if kind == "Timing":
            warps = work.schedule.values()["num_warps"]
            return (math.log2(warps) + 1.0,) * 5, {"sm_hertz": 1e9}
        if kind == "Autotuning":
            return work.schedules[0]
        assert kind == "Meeting"
        return {**{name: 1.0 + number for number, name in enumerate(work.schedules)}, "torch": 0.5, "flash": 0.75}


def findings(script: Callable[[str], ModuleType], gpu: Gpu) -> dict[str, Any]:
    contest = script("gpu_contest").Contest(Softmax(8192, 4096), 20, 10, Compilers(), gpu)
    return dict(itertools.chain.from_iterable(found.items() for found in contest.run(60.0, lambda: None)))


def test_the_best_meets_pytorch_and_the_autotuners_pick(script: Callable[[str], ModuleType]) -> None:
    found = findings(script, Gpu())
    assert found["ok"] == "30/30"
    assert found["microseconds"] == 1e6
    assert (found["of PyTorch"], found["its best"]) == (0.5, "torch")
    assert found["of the autotuner"] == 4.0
    assert found["rho"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("lost", "missing", "left"),
    [
        ("Autotuning", "of the autotuner", {"rho", "of PyTorch", "microseconds", "no autotuner"}),
        ("Meeting", "of PyTorch", {"rho", "microseconds", "no meeting"}),
    ],
)
def test_a_part_that_fails_costs_none_of_the_others(
    script: Callable[[str], ModuleType], lost: str, missing: str, left: set[str]
) -> None:
    found = findings(script, Gpu(lost))
    assert missing not in found
    assert left <= found.keys()


def test_a_case_that_fails_costs_none_of_the_others_and_all_is_kept(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module, large, small = script("gpu"), Softmax(8192, 4096), Softmax(8192, 2048)
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    monkeypatch.setattr(module, "provenance", lambda: {"gpu": "of the test"})
    monkeypatch.setattr(module, "CASES", {"large": (large, 8), "small": (small, 8)})
    rows: dict[str, dict[str, Any]] = {"roofline": {"case": "roofline", "bytes a second": 1e9}}
    end = time.monotonic() + 60.0
    for case, finding in module.rows(["large", "small"], end, Compilers(), Gpu(large=large)):
        rows.setdefault(case, {"case": case}).update(finding)
    assert "no room" in rows["large"]["failed"]
    assert rows["small"]["of PyTorch"] == 0.5
    record = json.loads((tmp_path / "gpu_small.t4.json").read_text())
    assert record["metadata"]["provenance"] == {"gpu": "of the test"}
    assert len(record["results"]) > 8
    (row,) = (row for row in module.finished(list(rows.values())) if row["case"] == "small")
    assert row["of the copy rate"] == small.bytes / 1e9


def test_where_no_time_is_left_a_case_is_not_begun(script: Callable[[str], ModuleType]) -> None:
    module = script("gpu")
    (finding,) = module.rows(["add 8192x4096"], time.monotonic(), Compilers(), Gpu(lost="Ready"))
    assert finding == ("add 8192x4096", {"failed": "no time was left"})


def test_every_case_can_be_begun_on_a_gpu_of_now(script: Callable[[str], ModuleType]) -> None:
    module = script("gpu")
    for workload, drawn in module.CASES.values():
        contest = module.Contest(workload, min(drawn, 8), 4, Compilers(), Gpu())
        contest.begin()
        assert len(contest._sample) == min(drawn, 8)


def test_ranks_are_those_of_scipy(script: Callable[[str], ModuleType]) -> None:
    from scipy.stats import rankdata

    values = [3.0, 1.0, 2.0, 1.0, 7.0, 3.0, 3.0]
    assert script("gpu_contest")._ranks(values).tolist() == rankdata(values).tolist()


def test_no_case_needs_more_than_pytorch_and_triton(script: Callable[[str], ModuleType]) -> None:
    known = ("float16", "float32")
    for workload, _ in script("gpu").CASES.values():
        assert {spec.dtype for spec in (*workload.operands, *workload.outputs)} <= {*known}
