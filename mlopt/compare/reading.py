"""Studies that have ended, read from the folders that they wrote, which are not trusted."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, FiniteFloat, ValidationError

from .. import result
from ..core.errors import UserError
from ..core.garbage import uncollected
from ..core.judged import refuted
from ..core.record import Outcome, read_outcomes, reason
from ..devices import machine
from ..trial_log import TrialLog
from .record import StudyRecord

R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")

CONFIG = Path(".hydra", "config.yaml")
SEED = re.compile(rb"^seed: \d+$", re.MULTILINE)
NAMED = 3
"""Studies that a note names."""


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
    lost: dict[str, str] = {}
    wall_seconds: FiniteFloat | None = None
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What was found to compare."""

    studies: Sequence[StudyRecord]
    unfinished: Sequence[Path] = ()
    """The folders of studies that have not ended, or have tried nothing."""

    @property
    def notes(self) -> list[str]:
        """What is to be said of who is left out: those that are left may be the lucky ones."""
        if not self.unfinished:
            return []
        number, names = len(self.unfinished), ", ".join(map(str, self.unfinished[:NAMED]))
        more = f" and {number - NAMED} more" if number > NAMED else ""
        who = "a study is left out that has" if number == 1 else f"{number} studies are left out that have"
        return [f"{who} not ended: {names}{more}"]


def read_all(folders: Iterable[Path]) -> Found:
    """The studies in these folders, in their order. Raises UserError."""
    with uncollected():
        ended = {folder: read(folder) for folder in folders}
    studies = [study for study in ended.values() if study is not None]
    return Found(studies, [folder for folder, study in ended.items() if study is None])


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
    replayed, wrong = found.evaluator == "replay", refuted(found.lost)
    return StudyRecord(
        folder=folder,
        search=found.search,
        settings=_mapping(config.get("search")),
        problem={"name": found.workload.get("name"), **names, "inputs": found.inputs, "settings": settings},
        seed=found.seed,
        budget=_mapping(config.get("budget")),
        machine={} if replayed else machine(found.fingerprint, found.devices, software=True),
        objectives=[None if trial.trial in wrong else trial.reached for trial in trials],
        cached=0 if replayed else sum(trial.cached for trial in trials),
        best=None if found.best is None else found.best.cost if found.best.seconds is None else found.best.seconds,
        table=Path(str(found.workload.get("path"))) if replayed else None,
        elapsed=() if replayed else _elapsed(trials, found.wall_seconds),
        work={key: found.workload.get(key) for key in ("flops", "bytes")},
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


def _elapsed(trials: Sequence[Outcome], seconds: float | None) -> list[float]:
    """When each trial ended, in seconds since the first one began; nothing where the log does not say.

    `seconds` is what the study took by its own account: what it was interrupted for, until somebody went on with it, is
    left out.
    """
    try:
        began = [datetime.fromisoformat(trial.started).timestamp() for trial in trials]
        ended = [datetime.fromisoformat(trial.finished).timestamp() for trial in trials]
    except (ValueError, OverflowError, OSError):
        return []
    first = min(began)
    for length, until in [] if seconds is None else _interruptions(began, ended, seconds):
        ended = [end - length if end >= until else end for end in ended]
    return [end - first for end in ended]


def _interruptions(began: Sequence[float], ended: Sequence[float], seconds: float) -> list[tuple[float, float]]:
    """The longest times in which no trial ran, as far as trials lie further apart than `seconds`: length and end.

    The last one comes first.
    """
    excess = max(ended) - min(began) - seconds
    if excess <= 0.0:
        return []
    found, pauses, latest = [], [], min(ended)
    for start, end in sorted(zip(began, ended, strict=True)):
        if start > latest:
            pauses.append((start - latest, start))
        latest = max(latest, end)
    for length, until in sorted(pauses, reverse=True):
        if excess <= 0.0:
            break
        found.append((length, until))
        excess -= length
    return sorted(found, key=lambda pause: pause[1], reverse=True)


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
