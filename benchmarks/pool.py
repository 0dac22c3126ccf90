"""Measurements that several studies share: what one of them has executed, the others replay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mlopt.core.trial import Measurement, Trial
from mlopt.protocols import Evaluator, HashedProgram, Inputs, LearningEvaluator, Program, Workload


@dataclass(frozen=True)
class Pooled:
    """Executes a program by `exact` unless `folder` knows its machine code; keeps there what was measured.

    Delete the folder, and all is measured anew.
    """

    exact: Evaluator
    folder: Path

    @property
    def executes(self) -> bool:
        return True

    @property
    def inputs(self) -> Inputs:
        return self.exact.inputs

    @property
    def preload(self) -> tuple[str, ...]:
        return (__name__, *self.exact.preload)

    def prepare(self, workload: Workload) -> None:
        self.exact.prepare(workload)

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        assert isinstance(program, HashedProgram)
        known = self.folder / f"{program.code_digest()}.json"
        if known.exists():
            found = json.loads(known.read_text())
            return Measurement(found["seconds"], tuple(found["samples"]), found["metrics"])
        measured = self.exact.evaluate(program, workload, best)
        self.folder.mkdir(parents=True, exist_ok=True)
        whole = known.with_suffix(".new")  # so that what is interrupted leaves no half of it
        whole.write_text(json.dumps(asdict(measured)))
        whole.replace(known)
        return measured


@dataclass(frozen=True)
class WithoutFinals:
    """For studies of which the trials' own times count: the same trials, and no finals after them."""

    evaluator: Evaluator

    @property
    def executes(self) -> bool:
        return False

    @property
    def inputs(self) -> Inputs:
        return self.evaluator.inputs

    @property
    def preload(self) -> tuple[str, ...]:
        return self.evaluator.preload

    def prepare(self, workload: Workload) -> None:
        self.evaluator.prepare(workload)

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        return self.evaluator.evaluate(program, workload, best)

    def informed(self, trials: Sequence[Trial]) -> Evaluator:
        """Who judges the trials, and does execute."""
        evaluator = self.evaluator
        return evaluator.informed(trials) if isinstance(evaluator, LearningEvaluator) else evaluator
