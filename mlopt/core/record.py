"""What a line of `trials.jsonl` may hold, whoever wrote it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, ValidationError

from .errors import UserError, printable
from .schedule import Schedule, Value
from .trial import Status, Trial

LONGEST = 1 << 22
"""Characters of a line; several hundred thousand samples fit."""


class Record(BaseModel):
    """The fields of `Trial` as JSON, every number finite; further keys are passed over."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    trial: Annotated[int, Field(ge=0, lt=2**63)]
    schedule: dict[str, Value]
    status: Status
    seconds: PositiveFloat | None = None
    samples: tuple[float, ...] = ()
    compile_seconds: NonNegativeFloat | None = None
    metrics: dict[str, float] = {}
    cached: bool = False
    error: str = ""
    started: str = ""
    finished: str = ""


def read(line: str) -> Trial:
    """The trial in `line`. Raises UserError, one short line, for whatever is none."""
    if len(line) > LONGEST:
        raise UserError(f"no trial: a line of {len(line)} characters")
    try:
        record = Record.model_validate_json(line)
    except ValidationError as error:
        raise UserError(f"no trial: {_reason(error)}") from None
    if record.seconds is not None and record.status is not Status.OK:
        raise UserError(f"no trial: {record.status.value}, and yet it took {record.seconds} seconds")
    return Trial(**{**dict(record), "schedule": Schedule.of(record.schedule)})


def _reason(error: ValidationError) -> str:
    """The first fault, safe to show: short and printable."""
    faults = error.errors(include_input=False, include_url=False)
    place = faults[0]["loc"][:2]
    reasons = dict.fromkeys(fault["msg"].removeprefix("Input ") for fault in faults if fault["loc"][:2] == place)
    words = f"{'.'.join(map(str, place))[:100]} {' or '.join(reasons)}".strip()
    return printable(words)
