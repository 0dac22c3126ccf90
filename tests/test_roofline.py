from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from doubles import OnDevices, ToyBackend, stands

from mlopt import roofline as module
from mlopt.protocols import Backend, Roofline, Workload
from mlopt.roofline import Measure, roofline
from mlopt.workloads.matmul.workload import Matmul

KNOWN = Roofline(1e12, 1e11, 1e13)
MATMUL = Matmul(100, 100, 100)


class Runs:
    """Does the work here, and counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, work: Measure) -> Roofline:
        self.count += 1
        return work()


def ask(
    backend: Backend = ToyBackend(ceiling=KNOWN),  # noqa: B008 - immutable
    runs: Runs | None = None,
    workload: Workload = MATMUL,
    seconds: float = 1.0,
) -> Roofline:
    return roofline(backend, runs or Runs(), workload, seconds)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, own_device: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "mlopt" / "roofline"


def test_it_is_measured_once() -> None:
    runs = Runs()
    assert [ask(runs=runs) for _ in range(3)] == [KNOWN] * 3
    assert runs.count == 1


def test_it_is_another_one_on_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    runs, gpu = Runs(), OnDevices(ceiling=KNOWN)
    kinds = {"name": "H200", "clocks.sm": "345 MHz"}, {"name": "H200", "clocks.sm": "1980 MHz"}, {"name": "H100"}
    for state in kinds:
        monkeypatch.setattr(OnDevices, "states", lambda self, state=state: [state])
        ask(gpu, runs)
    assert runs.count == 2


def test_it_is_another_one_at_another_thread_count_and_on_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs()
    ask(runs=runs)
    ask(replace(ToyBackend(ceiling=KNOWN), thread_count=2), runs)
    assert runs.count == 2
    monkeypatch.setattr(module, "fingerprint", lambda: {"cpu": "another"})
    ask(runs=runs)
    assert runs.count == 3


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"flops_per_second": 1}',
        '{"flops_per_second": 0, "bytes_per_second": 1}',
        '{"flops_per_second": NaN, "bytes_per_second": 1}',
        '{"flops_per_second": "x", "bytes_per_second": 1}',
        '{"flops_per_second": 1e10, "bytes_per_second": 1e9}',
    ],
)
def test_a_file_that_makes_no_sense_is_replaced(cache: Path, content: str) -> None:
    ask()
    (file,) = cache.iterdir()
    file.write_text(content)
    assert ask() == KNOWN
    assert json.loads(file.read_text()) == asdict(KNOWN)


def test_a_cache_that_cannot_be_written_does_no_harm(cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("no folder")
    assert ask() == KNOWN


def test_the_machine_is_measured_alone() -> None:
    class Noting(ToyBackend):
        def roofline(self) -> Roofline:
            assert stands() == "alone"
            return KNOWN

    assert ask(Noting()) == KNOWN


def test_a_failure_to_measure_is_not_kept(cache: Path) -> None:
    class Failing(ToyBackend):
        def roofline(self) -> Roofline:
            raise OSError("no")

    with pytest.raises(OSError, match="no"):
        ask(Failing())
    assert not cache.exists() or not os.listdir(cache)


@pytest.mark.parametrize(
    ("again", "kept"),
    [
        (Roofline(3e12, 1e10, 1e12), Roofline(3e12, 1e11, 1e13)),
        (Roofline(1e11, 2e11, 2e13), Roofline(1e12, 2e11, 2e13)),
        (Roofline(1e11, 1e10, 1e12), KNOWN),
    ],
)
def test_one_that_a_program_beat_is_measured_again_and_the_higher_peaks_are_kept(
    again: Roofline, kept: Roofline
) -> None:
    runs = Runs()
    ask(runs=runs)
    least = KNOWN.seconds(MATMUL.flops, MATMUL.bytes)
    assert ask(ToyBackend(ceiling=again), runs, seconds=least) == KNOWN
    assert runs.count == 1
    assert ask(ToyBackend(ceiling=again), runs, seconds=0.99 * least) == kept
    assert runs.count == 2
    assert ask(runs=runs) == kept
    assert runs.count == 2
