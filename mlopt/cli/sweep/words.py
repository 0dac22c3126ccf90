"""What the words of a call say of its sweep as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...core.errors import UserError

SHORT, LONG = "sweep.", "hydra.launcher."
BASIC_SWEEPER = "hydra/sweeper=basic"


def sweep_settings(words: Sequence[str]) -> list[str]:
    """The words with `sweep.KEY` as Hydra knows it, a key of the launcher; a sweep is resumed in its own folder.

    Raises UserError where there is no such folder.
    """
    long = []
    for word in words:
        key, _, value = word.partition("=")
        if key == f"{SHORT}resume" and value != "null":
            if not Path(value.strip("'\"")).is_dir():
                raise UserError(f"there is no sweep to resume: {value} is no folder")
            long.append(f"hydra.sweep.dir={value}")
        long.append(LONG + word.removeprefix(SHORT) if word.startswith(SHORT) else word)
    return long


def has_own_sweeper(words: Sequence[str]) -> bool:
    """Whether somebody else's sweeper is to say which studies there are: nobody knows them before it has said so."""
    return any(word.startswith("hydra/sweeper=") and word != BASIC_SWEEPER for word in words)
