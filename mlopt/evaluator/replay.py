"""Measuring by remembering."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import UserError
from ..core.recorded import RecordedProgram
from ..core.trial import Failed, Measurement
from ..protocols import Program, Workload
from .unexecuted import Unexecuted


@dataclass(frozen=True)
class Replay(Unexecuted):
    """Says of a recorded program what its record says."""

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        """The recorded measurement. Raises Failed, with status and message as recorded."""
        if not isinstance(program, RecordedProgram):
            raise UserError("evaluator=replay replays records: choose experiment=replay")
        trial = program.trial
        if not trial.ok:
            raise Failed(trial.status, trial.error)
        return Measurement(trial.seconds, trial.samples, trial.metrics)
