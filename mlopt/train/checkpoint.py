"""A training that can be gone on with, in one file: tensors and plain data, so that reading it runs no code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt, ValidationError

from ..core import record
from ..core.errors import UserError, summary

if TYPE_CHECKING:
    from ..search.ppo.learning import Learner

NAME = "checkpoint.safetensors"
LARGEST = 256 << 20
"""Bytes; a policy and its optimizer take a few million."""


class State(BaseModel):
    """Where a training is, beside what was learned."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)

    steps: NonNegativeInt
    seconds: NonNegativeFloat
    trials: NonNegativeInt
    spread: tuple[NonNegativeInt, float, NonNegativeFloat]
    """Of the rewards so far: count, mean and sum of squares."""
    random: dict[str, Any]
    """Of the generator."""
    run: str | None = None
    """What an experiment tracker calls the training, which goes on as the same one."""


def save(directory: Path, learner: Learner, state: State) -> None:
    """Write all at once: a training that is killed meanwhile leaves the last checkpoint as it was."""
    from ..search.ppo.policy import write_tensors

    half = directory / f"{NAME}.half"
    write_tensors(half, learner.tensors(), {"state": state.model_dump_json()})
    half.replace(directory / NAME)


def read(directory: Path) -> State:
    """Where the training in a folder is. Raises UserError for what is no checkpoint."""
    return _content(directory / NAME)[1]


def load(directory: Path, learner: Learner, rng: np.random.Generator) -> State:
    """Put the learner and the generator back to where they were, and return the rest.

    Raises UserError for what is no checkpoint.
    """
    path = directory / NAME
    tensors, state = _content(path)
    try:
        rng.bit_generator.state = state.random
        learner.restore(tensors)
    except (LookupError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise UserError(f"{path} is no checkpoint of this policy: {summary(error)[:200]}") from None
    return state


def _content(path: Path) -> tuple[Mapping[str, Any], State]:
    """Raises UserError."""
    from ..search.ppo.policy import read_tensors

    try:
        tensors, about = read_tensors(path, LARGEST)
        return tensors, State.model_validate_json(about.get("state", ""))
    except UserError as error:
        raise UserError(f"{path} {error}") from None
    except ValidationError as error:
        raise UserError(f"{path} is no checkpoint of a training: {record.reason(error)}") from None
