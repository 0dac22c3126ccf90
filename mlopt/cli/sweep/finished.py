"""What the studies of an earlier sweep have left in their folders."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from ... import result
from ...core.errors import UserError
from ...tracker.summary import duration
from ..study_folder import CONFIG, Best, Result, load, read_result


def find(directory: Path, config: DictConfig) -> int | None:
    """The exit code of a study that has ended; None for one that has not, which is then to be gone on with.

    `config` is changed so that it says so. Raises UserError where the folder holds another study than it describes.
    """
    if not (directory / CONFIG).exists():
        return None
    if _plain(load(directory)) != _plain(config):
        raise UserError(f"{directory} holds another study; a sweep is resumed with the words that it was started with")
    found = _read(directory)
    if found is not None and not found.interrupted:
        return 0 if found.best else 3
    with read_write(config.hydra), open_dict(config):
        config.resume = str(directory)
        config.hydra.output_subdir = None  # the configuration is there
    return None


def objective(directory: Path) -> float:
    """What a study reached, for a sweeper that minimises it: infinite where it found nothing.

    Optuna's ends with a traceback when it is told what is not a number.
    """
    best = _best(directory)
    value = None if best is None else best.seconds if best.seconds is not None else best.cost
    return math.inf if value is None else value


def reached(directory: Path) -> str:
    """The same for people: `2.134 ms`, or `cost 1234` where nothing was run."""
    best = _best(directory)
    if best is not None and best.seconds is not None:
        return duration(best.seconds)
    return f"cost {objective(directory):.4g}"


def _best(directory: Path) -> Best | None:
    found = _read(directory)
    return found.best if found else None


def _read(directory: Path) -> Result | None:
    file = directory / result.NAME
    return read_result(file) if file.exists() else None


def _plain(config: Any) -> Any:
    """A study's own configuration as it was written, references included."""
    plain = OmegaConf.to_container(config, resolve=False)
    return {key: value for key, value in plain.items() if key != "hydra"} if isinstance(plain, dict) else plain
