"""Studies that have ended, read from the folders that they wrote, which are not trusted."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, FiniteFloat, ValidationError

from .. import result
from ..core.errors import UserError
from ..core.garbage import uncollected
from ..core.record import Outcome, read_outcomes, reason
from ..devices import machine
from ..trial_log import TrialLog
from .record import StudyRecord

R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")

CONFIG = Path(".hydra", "config.yaml")
SEED = re.compile(rb"^seed: \d+$", re.MULTILINE)


class _Best(BaseModel):
    seconds: FiniteFloat | None = None
    cost: FiniteFloat | None = None


class _Result(BaseModel):
    """What a comparison reads of `result.json`."""

    search: str
    seed: int
    workload: dict[str, Any]
    backend: str
    evaluator: str
    target: str | None = None
    inputs: str | None = None
    threads: int
    fingerprint: dict[str, Any]
    devices: list[dict[str, Any]] = []
    best: _Best | None
    interrupted: bool = False


def find(folder: Path) -> list[StudyRecord]:
    """The studies in `folder` that have ended, itself or below it, by their paths. Raises UserError."""
    with uncollected():
        return [study for study in map(read, study_folders(folder)) if study is not None]


def study_folders(folder: Path) -> list[Path]:
    """Where a study was begun, in `folder` itself or below it."""
    return sorted((file.parents[1] for file in folder.rglob(str(CONFIG))), key=by_number)


def by_number(folder: Path) -> list[tuple[int, str]]:
    """A key that sorts folders by the numbers that are their names, 2 before 10."""
    return [(len(part), part) for part in folder.parts]


def read(folder: Path) -> StudyRecord | None:
    """The study in `folder`; None for one that has not ended or has tried nothing. Raises UserError for what no study
    wrote."""
    if not (folder / result.NAME).exists():
        return None
    found, trials = read_files(folder, _Result, read_outcomes)
    if found.interrupted or not trials:
        return None
    config = _config(folder / CONFIG)
    # References such as ${seed} stay what they are: studies of one problem differ in what they lead to.
    settings = {key: config.get(key) for key in ("workload", "backend", "evaluator", "target")}
    names = {"backend": found.backend, "evaluator": found.evaluator, "target": found.target, "threads": found.threads}
    replayed = found.evaluator == "replay"
    return StudyRecord(
        folder=folder,
        search=found.search,
        settings=_mapping(config.get("search")),
        problem={"name": found.workload.get("name"), **names, "inputs": found.inputs, "settings": settings},
        seed=found.seed,
        budget=_mapping(config.get("budget")),
        machine={} if replayed else machine(found.fingerprint, found.devices, software=True),
        objectives=[trial.reached for trial in trials],
        cached=0 if replayed else sum(trial.cached for trial in trials),
        best=None if found.best is None else found.best.cost if found.best.seconds is None else found.best.seconds,
        table=Path(str(found.workload.get("path"))) if replayed else None,
        elapsed=() if replayed else _elapsed(trials),
        unit="s" if found.best is None or found.best.cost is None else "",
    )


def read_files(folder: Path, kind: type[R], read_trials: Callable[[Path], list[T]]) -> tuple[R, list[T]]:
    """A study's result, of which `kind` says what is read, and its trials. Raises UserError for what no study wrote."""
    file, log = folder / result.NAME, folder / TrialLog.NAME
    try:
        return kind.model_validate_json(file.read_bytes()), read_trials(log)
    except ValidationError as error:
        raise UserError(f"{file} is no study's result: {reason(error)}") from None
    except (OSError, UserError) as error:
        raise UserError(f"{log}: {error}") from None


def _elapsed(trials: Sequence[Outcome]) -> list[float]:
    """When each trial ended, in seconds since the first one began; nothing where the log does not say."""
    try:
        began = min((datetime.fromisoformat(trial.started) for trial in trials), default=None)
        ended = [datetime.fromisoformat(trial.finished) for trial in trials]
        return [] if began is None else [(moment - began).total_seconds() for moment in ended]
    except (ValueError, TypeError):
        return []


def _config(file: Path) -> Mapping[str, Any]:
    """What a study's configuration says, but for its seed, which the result has, too."""
    try:
        return _parsed(SEED.sub(b"", file.read_bytes()))
    except (OSError, UserError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"cannot read {file}: {error}") from error


@functools.lru_cache(maxsize=256)
def _parsed(text: bytes) -> Mapping[str, Any]:
    """A configuration from YAML, which takes longer than all else and is the same for the seeds of a sweep."""
    if b"&" in text and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.CSafeLoader)):
        raise UserError("it refers to itself, by which a small file can become a huge one")  # no study does
    return _mapping(yaml.load(text, yaml.CBaseLoader))  # texts alone, which all can be written as JSON


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
