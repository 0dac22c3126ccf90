"""Measurements as a table in Parquet, a row a trial: decisions, features of the program, times. For cost models."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .core.errors import CompileError, InvalidSchedule
from .core.schedule import Schedule
from .core.trial import Trial, WorkerLost
from .executor.worker import Worker
from .protocols import Backend, FeaturedProgram, Workload

DEADLINE_SECONDS = 60.0
"""Of one program's features."""


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of a schedule's program without running it: what can be counted in its IR; picklable."""

    workload: Workload
    backend: Backend
    schedule: Schedule

    def __call__(self) -> Mapping[str, float]:
        """Numbers by name; none for a program that cannot be read or built."""
        with contextlib.suppress(CompileError, InvalidSchedule):
            program = self.backend.build(self.workload, self.schedule)
            if isinstance(program, FeaturedProgram):
                return {**program.simulate(), **program.ir_features()}
        return {}


def rows(
    study: str,
    workload: Workload,
    backend: Backend,
    facts: Mapping[str, Any],
    trials: Sequence[Trial],
) -> Iterator[dict[str, Any]]:
    """The rows of a study, as its trials ended. `facts` stand in each: plain values by the names of columns.

    Features are those of the program as it is built now, with the mlopt and the compilers that are installed. `ir` is
    empty for programs that cannot be read, and where building one ends its process.
    """
    space = backend.space(workload)
    with contextlib.closing(Worker(backend.preload)) as worker:
        for trial in trials:
            ir: Mapping[str, float] = {}
            with contextlib.suppress(WorkerLost):
                ir = worker.run(Features(workload, backend, trial.schedule), DEADLINE_SECONDS)
            yield {
                "study": study,
                **facts,
                "trial": trial.trial,
                "schedule": json.dumps(trial.schedule.values()),
                "features": [float(value) for value in space.features(trial.schedule)],
                "ir": list(ir.items()),
                "status": trial.status.value,
                "seconds": trial.seconds,
                "samples": list(trial.samples),
                "compile_seconds": trial.compile_seconds,
                "metrics": list(trial.metrics.items()),
            }


FACTS = ("workload", "backend", "machine")
"""Columns of `rows` that are text, and the same for a whole study; `threads` is an integer."""


def write(table: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Write rows as a Parquet file, as a whole or not at all. Raises OSError."""
    import pyarrow as pa
    from pyarrow import parquet

    numbers = pa.map_(pa.string(), pa.float64())
    schema = pa.schema(
        [
            ("study", pa.string()),
            *((name, pa.string()) for name in FACTS),
            ("threads", pa.int32()),
            ("trial", pa.int64()),
            ("schedule", pa.string()),
            ("features", pa.list_(pa.float32())),
            ("ir", numbers),
            ("status", pa.string()),
            ("seconds", pa.float64()),
            ("samples", pa.list_(pa.float64())),
            ("compile_seconds", pa.float64()),
            ("metrics", numbers),
        ]
    )
    draft = file.with_name(f".{file.name}.new")
    parquet.write_table(pa.Table.from_pylist(list(table), schema), draft, compression="zstd")
    draft.replace(file)
