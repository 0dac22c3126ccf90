"""What of a study has reached MLflow, kept in its folder: what has not can be sent later, and nothing twice."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt, ValidationError

from ..core import record
from ..core.errors import UserError
from ..core.trial import SPENT, Trial

NAME = "mlflow.json"
"""In the folder of a study, and in that of a sweep."""


class Mirror(BaseModel):
    """A run of MLflow, and how far it is; of a sweep's run, all that is said of trials keeps its default."""

    model_config = ConfigDict(strict=True)

    uri: str
    experiment: str
    name: str
    sweep: str | None = None
    """The folder of the sweep that the study is part of."""
    config: dict[str, Any] = {}
    tags: dict[str, str] = {}
    started: NonNegativeFloat = 0.0
    """When the study began, in seconds since 1970; 0 where nobody noted it."""
    run: str | None = None
    """MLflow's id, once there is one."""
    sent: NonNegativeInt = 0
    """Trials, in the order of `trials.jsonl`."""
    status: str = ""
    """MLflow's word for how the study ended, once it has been told."""

    @classmethod
    def read(cls, folder: Path) -> Mirror | None:
        """What `folder` holds, if anything. Raises UserError for what is no such file."""
        if not (folder / NAME).exists():
            return None
        try:
            return cls.model_validate_json(record.content(folder / NAME))
        except ValidationError as error:
            raise UserError(f"{folder / NAME}: {record.reason(error)}") from None

    def write(self, folder: Path) -> None:
        """As a whole or not at all. Raises UserError where that cannot be."""
        draft = folder / f".{NAME}.new"
        try:
            draft.write_text(self.model_dump_json(), encoding="utf-8")
            draft.replace(folder / NAME)
        except OSError as error:
            raise UserError(f"cannot write {folder / NAME}: {error.strerror}") from None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait until nobody else mirrors what is in `folder`, and keep others waiting."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def message(trial: Trial) -> dict[str, Any]:
    """What MLflow is told of a trial; always the same, so that telling it twice changes nothing."""
    return {
        "trial": trial.trial,
        "ok": trial.ok,
        "seconds": trial.seconds,
        "cost": trial.metrics.get("cost"),
        "compile_seconds": trial.compile_seconds,
        "spent": {name: value for name, value in trial.metrics.items() if name.startswith(SPENT)},
        "time": moment(trial.finished) if trial.finished else time.time(),
    }


def status(result: Mapping[str, Any] | None) -> str:
    """MLflow's word for how a study ended that left this result."""
    if result is None:
        return "FAILED"
    return "KILLED" if result.get("interrupted") else "FINISHED"


def moment(text: str) -> float:
    """A time as studies write it (ISO 8601), in seconds since 1970. Raises ValueError."""
    return datetime.fromisoformat(text).timestamp()
