"""The example trains on the environment, and tells what came of it, a failure too."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.trial import Failed, Measurement, Status
from mlopt.evaluator.simulation import Simulation
from mlopt.executor.inline import Inline
from mlopt.protocols import Program, Workload

pytest.importorskip("sb3_contrib")


class Crashes(Simulation):
    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        raise Failed(Status.CRASH, "no")


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "examples")
    module = importlib.import_module("maskable_ppo")
    monkeypatch.setattr(module, "Local", Inline)
    monkeypatch.setattr(module, "Mlir", lambda: Mlir(threads=1))
    return module


def test_it_ends_with_a_schedule_and_its_cost(example: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    example.main(["--steps", "32"])
    assert "ms simulated" in capsys.readouterr().out.splitlines()[-1]


def test_it_ends_with_a_schedule_that_failed(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(example, "Simulation", Crashes)
    example.main(["--steps", "32"])
    assert capsys.readouterr().out.splitlines()[-1].endswith(": crash")
