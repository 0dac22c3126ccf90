"""What the studies of an earlier sweep have left in their folders."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pydantic import BaseModel, FiniteFloat, ValidationError

from ... import result
from ...core.errors import UserError
from ..study_folder import CONFIG, load


class _Best(BaseModel):
    seconds: FiniteFloat | None = None
    cost: FiniteFloat | None = None


class _Result(BaseModel):
    best: _Best | None
    interrupted: bool = False


def find(directory: Path, config: DictConfig) -> int | None:
    """The exit code of a study that has ended; None for one that has not, of which what there is is put aside.

    Raises UserError where the folder holds another study than `config` describes.
    """
    if not (directory / CONFIG).exists():
        return None
    if _plain(load(directory)) != _plain(config):
        raise UserError(f"{directory} holds another study; a sweep is resumed with the words that it was started with")
    found = _read(directory)
    if found is not None and not found.interrupted:
        return 0 if found.best else 3
    _put_aside(directory)
    return None


def objective(directory: Path) -> float:
    """What a study reached, for a sweeper that minimises it; not a number where it found nothing."""
    found = _read(directory)
    best = found.best if found else None
    reached = None if best is None else best.seconds if best.seconds is not None else best.cost
    return math.nan if reached is None else reached


def _read(directory: Path) -> _Result | None:
    try:
        return _Result.model_validate_json((directory / result.NAME).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise UserError(f"{directory / result.NAME} is no study's result") from error


def _plain(config: Any) -> Any:
    """A study's own configuration as it was written, references included."""
    plain = OmegaConf.to_container(config, resolve=False)
    return {key: value for key, value in plain.items() if key != "hydra"} if isinstance(plain, dict) else plain


def _put_aside(directory: Path) -> None:
    """Keep an unfinished study's folder under another name, so that the study can begin anew."""
    names = (directory.with_name(f"{directory.name}.unfinished-{count}") for count in itertools.count(1))
    directory.rename(next(name for name in names if not name.exists()))
