"""One study as one run in an MLflow store."""

from __future__ import annotations

import contextlib
import fcntl
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from .summary import markdown

LOCK_SECONDS = 5.0
"""How long another program may keep the SQLite database locked."""
PARAMS_A_BATCH, METRICS_A_BATCH, KEY_LENGTH, PARAM_LENGTH, TAG_LENGTH = 100, 1000, 250, 6000, 8000
"""MLflow's limits."""


class Run:
    """Creates the store if need be, and in it a run; every method raises what MLflow raises."""

    def __init__(self, study: Mapping[str, Any]) -> None:
        self._directory = Path(study["directory"])
        with exclusive(study["database"]):
            self._client = MlflowClient(tracking_uri=study["uri"])
            known = self._client.get_experiment_by_name(study["experiment"])
            experiment: str = (
                known.experiment_id
                if known
                else self._client.create_experiment(study["experiment"], artifact_location=study["artifacts"])
            )
        tags = {**study["tags"], "directory": study["directory"]}
        self._id: str = self._client.create_run(experiment, tags=tags, run_name=study["name"]).info.run_id
        params = [Param(key, value) for key, value in dict(flatten(study["config"])).items()]
        for start in range(0, len(params), PARAMS_A_BATCH):
            self._client.log_batch(self._id, params=params[start : start + PARAMS_A_BATCH])
        self._done = 0
        self._failures = 0
        self._best: dict[str, float] = {}

    def add(self, trials: Sequence[Mapping[str, Any]]) -> None:
        """Append finished trials to the run's curves."""
        points = [point for trial in trials for point in self._points(trial)]
        if trials:
            points += self._totals(trials[-1]["time"])
        for start in range(0, len(points), METRICS_A_BATCH):
            self._client.log_batch(self._id, metrics=points[start : start + METRICS_A_BATCH])

    def close(self, end: Mapping[str, Any]) -> None:
        """Add the main figures, the table and the study's files, and give the run its final status."""
        if end["result"]:
            now = _stamp(time.time())
            self._client.log_batch(
                self._id,
                metrics=[Metric(key, value, now, 0) for key, value in figures(end["result"]).items()],
                tags=[RunTag("mlflow.note.content", markdown(end["result"])[:TAG_LENGTH])],
            )
        for name in ("result.json", "trials.jsonl"):
            if (self._directory / name).exists():
                self._client.log_artifact(self._id, str(self._directory / name))
        if (self._directory / "best").exists():
            self._client.log_artifacts(self._id, str(self._directory / "best"), "best")
        self._client.set_terminated(self._id, end["status"])

    def _points(self, trial: Mapping[str, Any]) -> Iterator[Metric]:
        """A trial's own numbers at its own step, and the totals that it changed."""
        before = (self._failures, self._best.copy())
        own = {key: trial[key] for key in ("seconds", "cost", "compile_seconds") if trial[key] is not None}
        for objective in ("seconds", "cost"):
            if trial["ok"] and objective in own:
                self._best[objective] = min(self._best.get(objective, own[objective]), own[objective])
        self._done += 1
        self._failures += not trial["ok"]
        yield from (Metric(key, value, _stamp(trial["time"]), trial["trial"]) for key, value in own.items())
        if (self._failures, self._best) != before:
            yield from self._totals(trial["time"])

    def _totals(self, seconds: float) -> Iterator[Metric]:
        """What accumulates; its step is the number of trials done, since by trial number it could turn back."""
        totals = {"failures": float(self._failures)} | {f"best_{key}": value for key, value in self._best.items()}
        yield from (Metric(key, value, _stamp(seconds), self._done) for key, value in totals.items())


def figures(result: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a `result.json` by which runs are sorted and searched."""
    best = result.get("best") or {}
    final = {f"final_{key}": best[key] for key in ("seconds", "cost") if best.get(key) is not None}
    return final | {_key(f"speedup_{name}"): value for name, value in result.get("speedup", {}).items()}


def flatten(config: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of nested mappings by dotted path, in the characters and lengths that MLflow takes."""
    if isinstance(config, Mapping) and (config or not path):
        for key, value in config.items():
            yield from flatten(value, f"{path}.{key}" if path else str(key))
    else:
        yield _key(path), str(config)[:PARAM_LENGTH]


def _stamp(seconds: float) -> int:
    return int(1000 * seconds)


def _key(name: str) -> str:
    return re.sub(r"[^\w. -]", "_", name, flags=re.ASCII)[:KEY_LENGTH]


@contextlib.contextmanager
def exclusive(database: str | None) -> Iterator[None]:
    """Keep other writers from creating the same SQLite database at once; raises soon if it cannot be written."""
    if database is None:
        yield
        return
    path = Path(database)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.closing(sqlite3.connect(path, timeout=LOCK_SECONDS)) as probe:
            probe.execute("BEGIN IMMEDIATE")  # fails where MLflow would retry for minutes
        yield
