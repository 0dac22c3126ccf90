"""A study read back from the folder that it wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import (
    BaseModel,
    FiniteFloat,
    PositiveFloat,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)

from .. import plugins, result
from ..core.errors import UserError
from ..protocols import Inputs
from .instantiate import build

CONFIG = Path(".hydra", "config.yaml")


class Best(BaseModel, extra="allow"):
    """The best schedule, and how long its kernel took, in seconds, if it was ever run; else what it should cost."""

    schedule: dict[str, StrictBool | StrictInt | StrictFloat | StrictStr]
    seconds: FiniteFloat | None = None
    cost: FiniteFloat | None = None
    ci95: tuple[float, float] | None = None


class Baseline(BaseModel, extra="allow"):
    """What the best is compared with, in seconds, if it was timed."""

    seconds: PositiveFloat | None = None


class Result(BaseModel, extra="allow"):
    """What `result.json` says."""

    workload: dict[str, Any]
    threads: StrictInt
    fingerprint: dict[str, Any]
    devices: list[dict[str, StrictStr]] = []
    best: Best | None
    baselines: dict[str, Baseline] = {}
    inputs: Inputs | None = None
    trials: StrictInt = 0
    executed: StrictInt = 0
    budget: dict[str, float | None] = {}
    interrupted: StrictBool = False
    exhausted: StrictBool = False


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """What a finished study computed, with what, and what it found."""

    workload: Any
    backend: Any
    result: Result
    best: Best


def read(folder: Path) -> StudyFolder:
    """The study in `folder`. Raises UserError where there is none, or none that found a valid schedule."""
    config = _config(folder)
    found = read_result(folder / result.NAME)
    if found.best is None:
        raise UserError(f"{folder} found no valid schedule; see {folder / 'trials.jsonl'}")
    backend = dict(config["backend"])
    if "threads" in backend:  # all: of the machine that it ran on
        backend["threads"] = found.threads
    plugins.make_importable()
    try:
        return StudyFolder(build("workload", config["workload"]), build("backend", backend), found, found.best)
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error


def load(folder: Path) -> DictConfig:
    """The configuration that a study was called with, its references unresolved. Raises UserError where none is."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}")
    if not (folder / CONFIG).is_file():
        studies = sorted(file.parents[1] for file in folder.glob(f"*/{CONFIG}"))
        hint = f"; {studies[0]} is one" if studies else f": it has no {CONFIG}"
        raise UserError(f"{folder} is no study's folder{hint}")
    try:
        config = OmegaConf.load(folder / CONFIG)
    except Exception as error:  # whatever goes wrong in here is in the file
        raise UserError(f"cannot read {folder / CONFIG}: {error}") from error
    if not isinstance(config, DictConfig):
        raise UserError(f"{folder / CONFIG} says of no workload, as a study's does")
    return config


def _config(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        config: Any = OmegaConf.to_container(load(folder), resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(f"cannot read {folder / CONFIG}: {error}") from error
    for part in ("workload", "backend"):
        if not isinstance(config.get(part), dict):
            raise UserError(f"{folder / CONFIG} says of no {part}, as a study's does")
    return {str(part): values for part, values in config.items()}


def read_result(file: Path) -> Result:
    """What a `result.json` says. Raises UserError where there is none, or something else."""
    try:
        return Result.model_validate(json.loads(file.read_text()))
    except FileNotFoundError:
        raise UserError(f"{file.parent} has no {file.name} yet: its study has not ended") from None
    except ValidationError as error:
        fault = error.errors()[0]
        raise UserError(f"{file} is no study's result: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"cannot read {file}: {error}") from error
