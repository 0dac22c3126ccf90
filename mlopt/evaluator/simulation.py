"""Measuring by estimating."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ..core.errors import Unverifiable, UserError, printable
from ..core.trial import UNVERIFIED, Measurement
from ..protocols import (
    CalibratedProgram,
    Calibration,
    FeaturedProgram,
    InterpretedProgram,
    Program,
    SimulatedProgram,
    Workload,
)
from .correctness import FRESH, TIMED, case, empty
from .unexecuted import Unexecuted

if TYPE_CHECKING:
    from .residual import Residual


@dataclass(frozen=True)
class Simulation(Unexecuted):
    """Says of a program what its backend expects a call to cost on the backend's target; takes no time.

    A program that can be interpreted is verified on the sizes that it offers for that.
    """

    seed: int = 0
    """Of the inputs that are interpreted."""
    residual: str | None = None
    """A file of what simulation was found to miss on the backend's target, by which costs are then corrected."""
    measured: bool = False
    """Whether clock and memory are as this machine was measured to have them, where it was: its costs are nearer to
    seconds then, but not the same before and after it is measured anew."""
    calibration: Calibration | None = field(default=None, init=False)
    """What this machine was measured to reach; a residual knows that already."""

    def __post_init__(self) -> None:
        if self.residual is not None:
            object.__setattr__(self, "residual", str(Path(self.residual).expanduser().absolute()))

    def identity(self) -> Mapping[str, Any]:
        learned = self._learned
        if learned is not None:
            return {"residual": hashlib.sha256(learned.model_dump_json().encode()).hexdigest()}
        return {} if self.calibration is None else {"calibration": repr(self.calibration)}

    def calibrated(self, calibration: Calibration) -> Self:
        if not self.measured:
            return self
        informed = copy.copy(self)
        object.__setattr__(informed, "calibration", calibration)
        return informed

    @property
    def training(self) -> Mapping[str, Any] | None:
        learned = self._learned
        return None if learned is None else learned.training.model_dump(mode="json")

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        """`cost` and what it is made of as metrics; `cost_simulated` is the cost before it was corrected.

        UNVERIFIED is among them where an interpreter does not know what the program is made of.

        Raises UserError for programs that cannot be simulated, or are for a target that the residual was not learned
        on, WrongResult for those that are found wrong.
        """
        if not isinstance(program, SimulatedProgram):
            raise UserError("evaluator=simulation needs a backend that can simulate its programs, such as backend=mlir")
        learned = self._learned
        metrics = self._simulated(program) if learned is None else self._corrected(program, learned)
        if isinstance(program, InterpretedProgram):
            try:
                self._verify(program)
            except Unverifiable:
                metrics = {**metrics, UNVERIFIED: 1.0}
        return Measurement(metrics=metrics)

    @property
    def _learned(self) -> Residual | None:
        if self.residual is None:
            return None
        from .residual import read

        return read(self.residual)

    def _simulated(self, program: SimulatedProgram) -> Mapping[str, float]:
        if self.calibration is not None and isinstance(program, CalibratedProgram):
            program = program.calibrated(self.calibration)
        return program.simulate()

    def _corrected(self, program: SimulatedProgram, learned: Residual) -> Mapping[str, float]:
        if not isinstance(program, FeaturedProgram):
            raise UserError("evaluator.residual needs a backend that describes its programs, such as backend=mlir")
        if program.simulated_on != learned.training.target:
            there = printable(learned.training.target)
            raise UserError(f"evaluator.residual was learned on '{there}'; this is for '{program.simulated_on}'")
        metrics = program.simulate()
        cost = metrics["cost"]
        factor = learned.factor(program.ir_features(), cost)
        return {**metrics, "cost": factor * cost, "cost_simulated": cost}

    def _verify(self, program: InterpretedProgram) -> None:
        for small, kernel in program.interpreted():
            for number in (TIMED, FRESH):
                case(small, self.seed, number).check(kernel, [empty(spec) for spec in small.outputs])
