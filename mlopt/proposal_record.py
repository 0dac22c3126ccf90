"""What `proposals.jsonl` may hold, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt, ValidationError

from .core import record
from .core.errors import UserError
from .core.schedule import Schedule
from .proposal_log import Ask


class _Study(BaseModel):
    """The first line: the study's configuration, as far as it makes it what it is, and its hardware."""

    model_config = ConfigDict(strict=True)

    study: dict[str, Any]
    machine: dict[str, Any]


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    told: NonNegativeInt
    n: NonNegativeInt
    proposed: list[record.Values]
    seconds: NonNegativeFloat
    money: NonNegativeFloat


def read(path: Path) -> tuple[Mapping[str, Any], Mapping[str, Any], Sequence[Ask]]:
    """The configuration, the hardware and the asks of a file that is not empty. Raises UserError in one short line."""
    head, *lines = record.content(path).split(b"\n")
    try:
        begun = _Study.model_validate_json(head)
        return begun.study, begun.machine, [_ask(line) for line in lines if line]
    except (ValidationError, ValueError) as error:
        why = record.reason(error) if isinstance(error, ValidationError) else error
        raise UserError(f"no proposals of a study: {why}") from None


def _ask(line: bytes) -> Ask:
    found = _Line.model_validate_json(line)
    proposed = tuple(Schedule.of(values) for values in found.proposed)
    return Ask(found.told, found.n, proposed, found.seconds, found.money)
