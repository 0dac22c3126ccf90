"""A backend and an evaluator that do nothing, so that what is left of a trial is mlopt's own cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlopt.core.schedule import Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.core.trial import Measurement
from mlopt.protocols import Inputs, Kernel, Program, Roofline, Workload


class NoopSpace(KnobSpace):
    """Twelve free knobs of eight values."""

    knobs = tuple(Knob(f"knob{i}", "log2", tuple(1 << p for p in range(8))) for i in range(12))

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return knob.values


@dataclass(frozen=True)
class NoopProgram:
    ir: str = ""
    stage_seconds: Mapping[str, float] = field(default_factory=dict)

    def load(self) -> Kernel:
        raise NotImplementedError


@dataclass(frozen=True)
class NoopBackend:
    preload: tuple[str, ...] = ()
    thread_count: int = 1

    def space(self, workload: Workload) -> NoopSpace:
        return NoopSpace()

    def build(self, workload: Workload, schedule: Schedule | None) -> NoopProgram:
        return NoopProgram()

    def export(self, workload: Workload, schedule: Schedule, directory: Path) -> None:
        directory.mkdir()
        (directory / "record.json").write_text("{}")

    def roofline(self) -> Roofline:
        raise NotImplementedError


@dataclass(frozen=True)
class NoopEvaluator:
    executes: bool = False
    inputs: Inputs = "warm"
    preload: tuple[str, ...] = ()

    def prepare(self, workload: Workload) -> None:
        pass

    def evaluate(self, program: Program, workload: Workload, best: float | None) -> Measurement:
        return Measurement(metrics={"cost": 1.0})
