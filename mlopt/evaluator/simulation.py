"""Measuring by estimating."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import UserError
from ..core.trial import Measurement
from ..protocols import Inputs, Program, SimulatedProgram, Workload


@dataclass(frozen=True)
class Simulation:
    """Says of a program what its backend expects a call to cost on the backend's target; executes nothing."""

    @property
    def executes(self) -> bool:
        return False

    @property
    def inputs(self) -> Inputs:
        return "warm"

    @property
    def preload(self) -> tuple[str, ...]:
        return (__name__,)

    def prepare(self, workload: Workload) -> None:
        """There is nothing to make."""

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        """`cost` and what it is made of as metrics. Raises UserError for programs that cannot be simulated."""
        if not isinstance(program, SimulatedProgram):
            raise UserError("evaluator=simulation needs a backend that can simulate its programs, such as backend=mlir")
        return Measurement(metrics=program.simulate())
