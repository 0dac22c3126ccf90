"""One study as one run in an MLflow store."""

from __future__ import annotations

import contextlib
import fcntl
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NOTE

from .mirror import Mirror, locked
from .store import locate
from .summary import markdown
from .view import TAGS

LOCK_SECONDS = 5.0
"""How long another program may keep the SQLite database locked."""
PARAMS_A_BATCH, METRICS_A_BATCH, KEY_LENGTH, PARAM_LENGTH, TAG_LENGTH = 100, 1000, 250, 6000, 8000
"""MLflow's limits."""

FILES = ("result.json", "trials.jsonl", str(Path(".hydra", "config.yaml")))
"""Of a study, kept as artifacts beside `best`; the last one is all that it takes to run the study again."""

REACHED = {"seconds": "final_seconds", "cost": "simulated_cost"}
"""What the best schedule reached, in a result and as a figure of a run: timed in the finals, or never executed."""

ELSEWHERE = ("archive", "tracker")
"""Parts of a configuration that say where things are kept, and nothing about what came out."""


class Run:
    """Creates the store if need be, and in it a run; every method raises what MLflow raises."""

    def __init__(self, known: Mirror, folder: Path) -> None:
        """The run of the study in `folder`: the one that is `known`, or a new one, which is then known."""
        self._directory = folder
        self._store = locate(known.uri)
        self._sweep = None
        with exclusive(self._store.database):
            self._client = MlflowClient(tracking_uri=known.uri)
            experiment = self._experiment(known.experiment)
            if known.sweep is not None:
                self._sweep = self._open_sweep(known, Path(known.sweep), experiment)
            if known.run is None:
                tags = {**known.tags, "directory": str(folder)}
                if self._sweep is not None:
                    tags[MLFLOW_PARENT_RUN_ID] = self._sweep
                known.run = self._create(experiment, known.name, tags, known.started)
                known.write(folder)
            else:
                self._client.update_run(known.run, "RUNNING")
            self._id = known.run
            if not known.sent:
                params = [Param(key, value) for key, value in dict(flatten(settings(known.config))).items()]
                for start in range(0, len(params), PARAMS_A_BATCH):
                    self._client.log_batch(self._id, params=params[start : start + PARAMS_A_BATCH])
        self._done = 0
        self._failures = 0
        self._best: dict[str, float] = {}

    def count(self, trials: Sequence[Mapping[str, Any]]) -> None:
        """Trials that the run has already; what is told of later ones depends on them."""
        for trial in trials:
            list(self._points(trial))

    def add(self, trials: Sequence[Mapping[str, Any]]) -> None:
        """Append finished trials to the run's curves."""
        points = [point for trial in trials for point in self._points(trial)]
        if trials:
            points += self._totals(trials[-1]["time"])
        for start in range(0, len(points), METRICS_A_BATCH):
            with exclusive(self._store.database):
                self._client.log_batch(self._id, metrics=points[start : start + METRICS_A_BATCH])

    def close(self, end: Mapping[str, Any]) -> None:
        """Add the main figures, the table and the study's files, and give the run its final status."""
        ended = _stamp(end["time"])
        with exclusive(self._store.database):
            if end["result"]:
                self._client.log_batch(
                    self._id,
                    metrics=[Metric(key, value, ended, 0) for key, value in figures(end["result"]).items()],
                    tags=[RunTag(MLFLOW_RUN_NOTE, markdown(end["result"])[:TAG_LENGTH])],
                )
            for name in FILES:
                if (self._directory / name).exists():
                    self._client.log_artifact(self._id, str(self._directory / name))
            if (self._directory / "best").exists():
                self._client.log_artifacts(self._id, str(self._directory / "best"), "best")
            self._client.set_terminated(self._id, end["status"], ended)
            if self._sweep is not None:  # it ended with its last study, whichever is told of last
                others = self._client.get_run(self._sweep).info.end_time or 0
                self._client.set_terminated(self._sweep, end_time=max(ended, others))

    def _experiment(self, name: str) -> str:
        known = self._client.get_experiment_by_name(name)
        if known is None:
            artifacts = str(self._store.artifacts) if self._store.artifacts else None
            return self._client.create_experiment(name, artifact_location=artifacts, tags=dict(TAGS))
        for key, value in TAGS.items():
            if key not in known.tags:
                self._client.set_experiment_tag(known.experiment_id, key, value)
        return str(known.experiment_id)

    def _open_sweep(self, study: Mirror, folder: Path, experiment: str) -> str:
        """The run of the sweep in `folder`, which its first study makes."""
        with locked(folder):
            known = Mirror.read(folder)
            if known is None or (known.uri, known.experiment) != (study.uri, study.experiment) or known.run is None:
                run = self._create(experiment, folder.name, {"directory": str(folder)}, study.started)
                Mirror(uri=study.uri, experiment=study.experiment, name=folder.name, run=run).write(folder)
                return run
            return known.run

    def _create(self, experiment: str, name: str, tags: Mapping[str, str], started: float) -> str:
        """A run of something that `started` then, in seconds since 1970; now, where that is 0."""
        begun = _stamp(started) or None
        return str(self._client.create_run(experiment, begun, dict(tags), name).info.run_id)

    def _points(self, trial: Mapping[str, Any]) -> Iterator[Metric]:
        """A trial's own numbers at its own step, and the totals that it changed."""
        before = (self._failures, self._best.copy())
        own = {key: trial[key] for key in ("seconds", "cost", "compile_seconds") if trial[key] is not None}
        for objective in ("seconds", "cost"):
            if trial["ok"] and objective in own:
                self._best[objective] = min(self._best.get(objective, own[objective]), own[objective])
        self._done += 1
        self._failures += not trial["ok"]
        told = own | trial["spent"]
        yield from (Metric(key, value, _stamp(trial["time"]), trial["trial"]) for key, value in told.items())
        if (self._failures, self._best) != before:
            yield from self._totals(trial["time"])

    def _totals(self, seconds: float) -> Iterator[Metric]:
        """What accumulates; its step is the number of trials done, since by trial number it could turn back."""
        totals = {"failures": float(self._failures)} | {f"best_{key}": value for key, value in self._best.items()}
        yield from (Metric(key, value, _stamp(seconds), self._done) for key, value in totals.items())


def figures(result: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a `result.json` by which runs are sorted and searched."""
    best = result.get("best") or {}
    reached = {figure: best[key] for key, figure in REACHED.items() if best.get(key) is not None}
    return reached | {_key(f"speedup_{name}"): value for name, value in result.get("speedup", {}).items()}


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration tells studies apart: neither names of classes, nor what is left open, nor `ELSEWHERE`."""
    return _chosen({key: value for key, value in config.items() if key not in ELSEWHERE})


def _chosen(config: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {key: _chosen(value) if isinstance(value, Mapping) else value for key, value in config.items()}
    return {key: value for key, value in chosen.items() if key != "_target_" and value not in (None, {})}


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
def exclusive(database: Path | None) -> Iterator[None]:
    """Let studies write to a SQLite database one after the other, which it would refuse them at once.

    Raises soon if it cannot be written.
    """
    if database is None:
        yield
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(f"{database.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.closing(sqlite3.connect(database, timeout=LOCK_SECONDS)) as probe:
            probe.execute("BEGIN IMMEDIATE")  # fails where MLflow would retry for minutes
        yield
