"""Trials as a document of the T4 format (`t4.py`), which takes nothing but the standard library to write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ... import __version__
from ...core.trial import Status, Trial

VERSION = "1.0.0"

STATUS = {
    "correct": Status.OK,
    "constraints": Status.INVALID,
    "compile": Status.COMPILE_ERROR,
    "correctness": Status.WRONG_RESULT,
    "timeout": Status.TIMEOUT,
    "runtime": Status.CRASH,
}
"""By T4's word for what became of a configuration."""

_INVALIDITY = {**{status: word for word, status in STATUS.items()}, Status.OUT_OF_MEMORY: "runtime"}


def document(trials: Iterable[Trial], provenance: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The T4 document of a study, as plain data; its times are in seconds.

    `provenance` says on what it was measured. T4 has no word for running out of memory: that becomes a failure at run
    time. What a study that executes has only estimated is left out: a file has one objective.
    """
    trials = [trial for trial in trials if not _was_spared(trial)]
    simulated = not any(trial.seconds for trial in trials) and any("cost" in trial.metrics for trial in trials)
    metadata = {"autotuner": "mlopt", "autotuner_version": __version__, "timeunit": "seconds"}
    return {
        "schema_version": VERSION,
        "metadata": metadata if provenance is None else {**metadata, "provenance": dict(provenance)},
        "results": [_result(trial, "cost" if simulated else "time") for trial in trials],
    }


def _was_spared(trial: Trial) -> bool:
    return trial.ok and trial.seconds is None and "estimated_seconds" in trial.metrics


def _result(trial: Trial, objective: str) -> dict[str, Any]:
    times: dict[str, Any] = {"runtimes": list(trial.samples)}
    if trial.compile_seconds is not None:
        times["compilation_time"] = trial.compile_seconds
    values: dict[str, Any] = dict(trial.metrics)
    if not trial.ok:
        values[objective] = trial.error
    elif trial.seconds is not None:
        values["time"] = trial.seconds
    return {
        "timestamp": trial.finished,
        "configuration": trial.schedule.values(),
        "times": times,
        "invalidity": _INVALIDITY[trial.status],
        "correctness": int(trial.ok),
        "measurements": [{"name": name, "value": value, "unit": ""} for name, value in values.items()],
        "objectives": [objective],
    }
