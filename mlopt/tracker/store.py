"""Where the MLflow store is: the one place that knows it, for the writer as for `mlopt ui`."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Store:
    """An MLflow store; with a SQLite database, the artifacts lie beside it, else the server has its own place."""

    uri: str
    database: Path | None

    @property
    def artifacts(self) -> Path | None:
        return self.database.parent / "mlartifacts" if self.database else None


def locate(uri: str | None) -> Store:
    """The store at an MLflow tracking URI; None: `outputs/mlflow.db`. Relative paths start at the current folder."""
    uri = uri or f"{SQLITE}outputs/mlflow.db"
    if not uri.startswith(SQLITE):
        return Store(uri, None)
    database = Path(uri.removeprefix(SQLITE)).absolute()
    return Store(f"{SQLITE}{database}", database)


def environment() -> dict[str, str]:
    """The environment for a process that runs MLflow: our modules, no telemetry, no bars, no retrying for minutes."""
    return {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
    }


def client(uri: str) -> Any:
    """MLflow's own client of the store at a tracking URI; loads MLflow, which takes seconds."""
    os.environ.update({key: value for key, value in environment().items() if key.startswith("MLFLOW_")})
    from mlflow import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)  # which has said of each new store that it is made
    return MlflowClient(tracking_uri=uri, registry_uri=uri)
