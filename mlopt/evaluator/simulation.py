"""Measuring by estimating."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import UserError
from ..core.trial import Measurement
from ..protocols import Program, SimulatedProgram, Workload
from .unexecuted import Unexecuted


@dataclass(frozen=True)
class Simulation(Unexecuted):
    """Says of a program what its backend expects a call to cost on the backend's target; executes nothing."""

    def identity(self) -> Mapping[str, Any]:
        return {}

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        """`cost` and what it is made of as metrics. Raises UserError for programs that cannot be simulated."""
        if not isinstance(program, SimulatedProgram):
            raise UserError("evaluator=simulation needs a backend that can simulate its programs, such as backend=mlir")
        return Measurement(metrics=program.simulate())
