"""What simulation is told of this machine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest
from doubles import ToyBackend

from mlopt import roofline as kept
from mlopt.backend.mlir.target import HOST, Cpu, calibrated, describe, described
from mlopt.calibration import NAME
from mlopt.calibration import calibrated as of_study
from mlopt.core.errors import UserError
from mlopt.evaluator.cascade import Cascade
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.simulation import Simulation
from mlopt.protocols import Calibration, Evaluator, Roofline
from mlopt.workloads.matmul.workload import Matmul

SIMULATION = Simulation(measured=True)
MEASURED = Roofline(2e11, 3e10, 4e11)


@dataclass(frozen=True)
class Native(ToyBackend):
    native: bool = True
    ceiling: Roofline | None = field(default=MEASURED)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, own_device: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mlopt" / "roofline"


def measure(backend: Native) -> None:
    kept.roofline(backend, lambda work: work(), Matmul(100, 100, 100), 1.0)


def identity(evaluator: Evaluator) -> object:
    assert isinstance(evaluator, (Simulation, Cascade))
    return evaluator.identity()


def test_a_study_is_told_what_was_measured_at_its_thread_count(tmp_path: Path) -> None:
    assert of_study(SIMULATION, Native(), tmp_path, resume=False) == SIMULATION
    measure(Native())
    found = of_study(SIMULATION, Native(), tmp_path, resume=False)
    assert isinstance(found, Simulation)
    assert found.calibration == Calibration(MEASURED, Native().thread_count)
    assert of_study(SIMULATION, Native(thread_count=7), tmp_path, resume=False) == Simulation(measured=True)


def test_a_study_that_is_gone_on_with_is_told_the_same_again(tmp_path: Path, cache: Path) -> None:
    measure(Native())
    begun = of_study(SIMULATION, Native(), tmp_path, resume=False)
    for file in cache.iterdir():
        file.write_text(json.dumps(asdict(replace(MEASURED, bytes_per_second=9e10))))
    assert of_study(SIMULATION, Native(), tmp_path, resume=True) == begun
    assert identity(of_study(SIMULATION, Native(), tmp_path, resume=False)) != identity(begun)


def test_a_study_that_was_told_nothing_is_told_nothing_again(tmp_path: Path) -> None:
    of_study(SIMULATION, Native(), tmp_path, resume=False)
    measure(Native())
    assert of_study(SIMULATION, Native(), tmp_path, resume=True) == SIMULATION


@pytest.mark.parametrize(
    "text", ["", "[" * 100_000, '{"flops_per_second": NaN}', json.dumps(asdict(replace(MEASURED, bytes_per_second=-1)))]
)
def test_a_damaged_file_is_told_in_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(UserError, match=r"says of no roofline"):
        of_study(SIMULATION, Native(), tmp_path, resume=True)


def test_only_what_simulates_this_machine_is_told(tmp_path: Path) -> None:
    measure(Native())
    measure(elsewhere := Native(native=False))
    execution = Execution()
    assert of_study(execution, Native(), tmp_path, resume=False) is execution
    assert of_study(SIMULATION, elsewhere, tmp_path, resume=False) == SIMULATION
    assert not (tmp_path / NAME).exists()


def test_a_cascade_tells_what_screens(tmp_path: Path) -> None:
    measure(Native())
    cascade = Cascade(SIMULATION, Execution())
    found = of_study(cascade, Native(), tmp_path, resume=False)
    assert isinstance(found, Cascade)
    assert found.cheap == of_study(SIMULATION, Native(), tmp_path, resume=False) != SIMULATION
    assert identity(found) != identity(cascade)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_the_measured_peaks_are_those_of_the_calibrated_machine(threads: int) -> None:
    found = calibrated(HOST, Calibration(MEASURED, threads))
    assert isinstance(found, Cpu)
    per_cycle = 2 * found.fma_units * found.datapath_bits // 32
    assert threads * found.gigahertz * 1e9 * per_cycle == pytest.approx(MEASURED.flops_per_second)
    each = min(found.memory_bytes_per_second / threads, found.memory_bytes_per_second_one_core)
    assert each * threads == pytest.approx(MEASURED.bytes_per_second)
    assert [cache.bytes for cache in found.caches] == [cache.bytes for cache in describe(HOST).caches]


def test_a_described_machine_stays_as_it_is_described() -> None:
    neon = described("neon")
    assert calibrated(neon, Calibration(MEASURED, 1)) is neon


def test_costs_are_the_same_whatever_was_measured_unless_that_is_asked_for(tmp_path: Path) -> None:
    measure(Native())
    for evaluator in (Simulation(), Cascade(Simulation(), Execution())):
        assert of_study(evaluator, Native(), tmp_path, resume=False) is evaluator
        assert evaluator.calibrated(Calibration(MEASURED, 1)) == evaluator
    assert not (tmp_path / NAME).exists()
