"""A program that was built and judged another time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from .errors import CompileError
from .trial import Trial


@dataclass(frozen=True, slots=True)
class RecordedProgram:
    """What a record knows of a schedule, in the place of its program: `trial`, what became of it then."""

    trial: Trial

    @property
    def ir(self) -> str:
        return json.dumps(self.trial.to_json())

    @property
    def stage_seconds(self) -> Mapping[str, float]:
        return {}

    def load(self) -> NoReturn:
        raise CompileError("a record holds no kernels: choose evaluator=replay")
