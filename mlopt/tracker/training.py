"""The training of a policy in MLflow: its curves, its files, and the registry in which policies have names."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..core.errors import UserError, summary
from .store import Store, client, locate

POLICY = "policy"
"""Where a run keeps its policy."""
SCHEME = "models:/"


NAME = re.compile(r"[\w][\w .-]*")
"""What a policy may be called: MLflow's registry takes no slashes and no colons, and its queries no quotes."""


def check_name(name: str) -> None:
    """Raise UserError for what the registry takes for no name."""
    if not NAME.fullmatch(name):
        raise UserError(f"register={name} must be a name of letters, digits, blanks, points and dashes")


class TrainingRun:
    """One training as one run, the run `known` where it goes on.

    What MLflow refuses while the training goes on is told once, by `say`, and costs it nothing else.
    Raises UserError where no run can be begun.
    """

    def __init__(
        self,
        uri: str | None,
        name: str,
        config: Mapping[str, Any],
        say: Callable[[str], None],
        known: str | None = None,
    ) -> None:
        from mlflow.exceptions import MlflowException

        store = locate(uri)
        self._say = say
        self._told = False
        self._client = client(store.uri)
        try:
            self.id: str = self._gone_on(known) or self._begun(store, name, config)
        except (MlflowException, OSError) as error:
            raise UserError(f"MLflow begins no run at {store.uri}: {_first(error)}") from None

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """The figures of a step."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [Metric(key, value, now, step) for key, value in figures.items()]
        try:
            self._client.log_batch(self.id, metrics)
        except Exception as error:
            if not self._told:
                self._say(f"MLflow has no figures of step {step} ({_first(error)}); training goes on")
            self._told = True

    def finish(self, files: Sequence[Path], register: str | None) -> str | None:
        """Keep the files; with a name, the policy becomes its next version in the registry: its address is returned.

        Raises UserError where MLflow refuses any of that.
        """
        from mlflow.exceptions import MlflowException

        try:
            for file in files:
                self._client.log_artifact(self.id, str(file), POLICY)
            return None if register is None else self._registered(register)
        except (MlflowException, OSError) as error:
            raise UserError(f"MLflow does not keep the policy, which is in {files[0]}: {_first(error)}") from None

    def close(self, status: str) -> None:
        """End the run as FINISHED, FAILED or KILLED."""
        with suppress(Exception):  # then it stays as it is
            self._client.set_terminated(self.id, status)

    def _gone_on(self, known: str | None) -> str | None:
        """The run of this id, running again; None where the store has none."""
        from mlflow.exceptions import MlflowException

        if known is None:
            return None
        with suppress(MlflowException):
            self._client.update_run(known, "RUNNING")
            return known
        return None

    def _begun(self, store: Store, name: str, config: Mapping[str, Any]) -> str:
        from .run import exclusive, flatten

        with exclusive(store.database):
            known = self._client.get_experiment_by_name(POLICY)
            artifacts = str(store.artifacts) if store.artifacts else None
            experiment = known.experiment_id if known else self._client.create_experiment(POLICY, artifacts)
        run: str = self._client.create_run(experiment, run_name=name).info.run_id
        for key, value in dict(flatten(config)).items():
            self._client.log_param(run, key, value)
        return run

    def _registered(self, name: str) -> str:
        if not self._client.search_registered_models(f"name = '{name}'"):
            self._client.create_registered_model(name)
        source = f"{self._client.get_run(self.id).info.artifact_uri}/{POLICY}"
        version = self._client.create_model_version(name, source, self.id).version
        return f"{SCHEME}{name}/{version}"


def _first(error: Exception) -> str:
    """How an error begins."""
    return summary(error)[:200]


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
        raise UserError(f"cannot be fetched from MLflow's registry: {_first(error)}") from None
    except (ValueError, StopIteration):
        raise UserError(f"is no policy in MLflow's registry at {locate(uri).uri}") from None
