"""A training that can be gone on with, in one file: tensors and plain data, so that reading it runs no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import UserError

if TYPE_CHECKING:
    from ..search.ppo.learning import Learner

NAME = "checkpoint.safetensors"
LARGEST = 256 << 20
"""Bytes; a policy and its optimizer take a few million."""


def save(directory: Path, learner: Learner, state: Mapping[str, Any]) -> None:
    """Write all at once: a training that is killed meanwhile leaves the last checkpoint as it was."""
    from ..search.ppo.policy import write_tensors

    half = directory / f"{NAME}.half"
    write_tensors(half, learner.tensors(), {"state": json.dumps(state)})
    half.replace(directory / NAME)


def load(directory: Path, learner: Learner) -> Mapping[str, Any]:
    """Put the learner back to where it was, and return the state. Raises UserError for what is no checkpoint."""
    from ..search.ppo.policy import read_tensors

    path = directory / NAME
    try:
        tensors, about = read_tensors(path, LARGEST)
        learner.restore(tensors)
        state = json.loads(about["state"])
    except UserError as error:
        raise UserError(f"{path} {error}") from None
    except (KeyError, TypeError, ValueError, RuntimeError, RecursionError) as error:
        raise UserError(f"{path} is no checkpoint of this policy: {str(error).splitlines()[0][:200]}") from None
    if not isinstance(state, dict):
        raise UserError(f"{path} is no checkpoint of a training")
    return state
