"""An archive of each kind, and measurements to keep there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from mlopt.archive.context import Context
from mlopt.archive.schema import METADATA
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an archive that does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/archive.db"
    server: str | None = request.config.getoption("--postgresql")
    if server is None:
        pytest.skip("needs --postgresql=URL")
    METADATA.drop_all(engine := create_engine(server))
    engine.dispose()
    return server


def made(number: int = 0, seconds: float | None = 1.0, **others: Any) -> Trial:
    """A measurement of schedule `number`, finished at second `number` of some day."""
    finished = f"2026-11-25T00:00:{number % 60:02d}.000+00:00"
    defaults: dict[str, Any] = {"status": Status.OK, "samples": (1.0, 2.0), "finished": finished}
    return Trial(number, Schedule.of({"tile": number}), seconds=seconds, **{**defaults, **others})


def context(workload: str = "matmul", size: int = 64, **others: Any) -> Context:
    return Context.of(
        {
            "workload": {"name": workload, "inputs": [{"shape": [size, size], "dtype": "float32"}]},
            "backend": {"name": "mlopt.Mlir", "program": f"{workload} {size}"},
            "threads": 2,
            "evaluator": {"name": "mlopt.Execution"},
            "fingerprint": {"cpu": "EPYC"},
            **others,
        }
    )
