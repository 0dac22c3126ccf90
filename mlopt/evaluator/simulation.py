"""Measuring by estimating."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import UserError
from ..core.trial import Measurement
from ..protocols import InterpretedProgram, Program, SimulatedProgram, Workload
from .correctness import FRESH, TIMED, case, empty
from .unexecuted import Unexecuted


@dataclass(frozen=True)
class Simulation(Unexecuted):
    """Says of a program what its backend expects a call to cost on the backend's target; takes no time.

    A program that can be interpreted is verified on the sizes that it offers for that.
    """

    seed: int = 0
    """Of the inputs that are interpreted."""

    def identity(self) -> Mapping[str, Any]:
        return {}

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        """`cost` and what it is made of as metrics.

        Raises UserError for programs that cannot be simulated, WrongResult for those that are found wrong.
        """
        if not isinstance(program, SimulatedProgram):
            raise UserError("evaluator=simulation needs a backend that can simulate its programs, such as backend=mlir")
        metrics = program.simulate()
        if isinstance(program, InterpretedProgram):
            self._verify(program)
        return Measurement(metrics=metrics)

    def _verify(self, program: InterpretedProgram) -> None:
        for small, kernel in program.interpreted():
            for number in (TIMED, FRESH):
                case(small, self.seed, number).check(kernel, [empty(spec) for spec in small.outputs])
