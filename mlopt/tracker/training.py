"""The training of a policy in MLflow: its curves, its files, and the registry in which policies have names."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from .store import client, locate

POLICY = "policy"
"""Where a run keeps its policy."""
SCHEME = "models:/"


class TrainingRun:
    """One training as one run. Raises whatever MLflow raises."""

    def __init__(self, uri: str | None, name: str, config: Mapping[str, Any]) -> None:
        from .run import exclusive, flatten

        store = locate(uri)
        self._client = client(store.uri)
        with exclusive(store.database):
            known = self._client.get_experiment_by_name(POLICY)
            artifacts = str(store.artifacts) if store.artifacts else None
            experiment = known.experiment_id if known else self._client.create_experiment(POLICY, artifacts)
        self._id: str = self._client.create_run(experiment, run_name=name).info.run_id
        for key, value in dict(flatten(config)).items():
            self._client.log_param(self._id, key, value)

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """The figures of a step."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        self._client.log_batch(self._id, [Metric(key, value, now, step) for key, value in figures.items()])

    def finish(self, files: list[Path], register: str | None) -> str | None:
        """Keep the files; with a name, the policy becomes its next version in the registry: its address is returned."""
        for file in files:
            self._client.log_artifact(self._id, str(file), POLICY)
        self._client.set_terminated(self._id)
        if register is None:
            return None
        if not self._client.search_registered_models(f"name = '{register}'"):
            self._client.create_registered_model(register)
        source = f"{self._client.get_run(self._id).info.artifact_uri}/{POLICY}"
        version = self._client.create_model_version(register, source, self._id).version
        return f"{SCHEME}{register}/{version}"


def fetch(address: str, uri: str | None) -> Path:
    """The file of a registered policy: `models:/NAME` (the newest version) or `models:/NAME/VERSION`.

    Raises UserError where there is none.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    name, _, version = address.removeprefix(SCHEME).partition("/")
    try:
        versions = client(locate(uri).uri).search_model_versions(f"name = '{name}'")
        wanted = [each for each in versions if version in ("", str(each.version))]
        newest = max(wanted, key=lambda each: int(each.version))
        folder = mlflow.artifacts.download_artifacts(artifact_uri=newest.source, tracking_uri=locate(uri).uri)
        return next(Path(folder).glob("*.safetensors"))
    except (MlflowException, OSError) as error:
        raise UserError(f"cannot be fetched from MLflow's registry: {str(error).splitlines()[0][:200]}") from None
    except (ValueError, StopIteration):
        raise UserError(f"is no policy in MLflow's registry at {locate(uri).uri}") from None
