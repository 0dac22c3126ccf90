"""What a file of trials and a line of it may hold, whoever wrote them."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from .errors import UserError, printable
from .schedule import Schedule, Value
from .trial import Status, Trial, reached

R = TypeVar("R", bound=BaseModel)
L = TypeVar("L")

LONGEST = 1 << 22
"""Characters of a line; several hundred thousand samples fit."""

LARGEST = 1 << 30
"""Bytes of a file, decompressed; some 600,000 configurations fit as the hub of the auto-tuning community has them."""
MOST_KNOBS = 1000


def _values(values: dict[str, Any]) -> dict[str, Value]:
    # By hand, since pydantic would list every fault of a mapping, however many there are.
    if len(values) > MOST_KNOBS:
        raise ValueError(f"more than {MOST_KNOBS} knobs")
    for knob, value in values.items():
        if not isinstance(value, (int, float, str)) or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"knob {knob[:50]!r} is given neither a finite number nor a text, true or false")
    return values


Values = Annotated[dict[str, Any], AfterValidator(_values)]
"""What a schedule decides, knob by knob."""


class Outcome(BaseModel):
    """Of the fields of `Trial` as JSON, what its result was and when; further keys are passed over."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    trial: Annotated[int, Field(ge=0, lt=2**63)]
    status: Status
    seconds: PositiveFloat | None = None
    metrics: dict[str, float] = {}
    cached: bool = False
    started: str = ""
    finished: str = ""

    @model_validator(mode="after")
    def _timed_only_if_ok(self) -> Self:
        if self.seconds is not None and self.status is not Status.OK:
            raise ValueError(f"{self.status.value}, and yet it took {self.seconds} seconds")
        return self

    @model_validator(mode="after")
    def _costs_something(self) -> Self:
        for name in ("cost", "estimated_seconds"):
            if self.status is Status.OK and not self.metrics.get(name, 1.0) > 0:
                raise ValueError(f"{name} is {self.metrics[name]}, which is not positive")
        return self

    @property
    def reached(self) -> float | None:
        """As `Trial.reached`."""
        return reached(self.status, self.seconds, self.metrics)


class Record(Outcome):
    """The fields of `Trial` as JSON, every number finite; further keys are passed over."""

    schedule: Values
    samples: tuple[float, ...] = ()
    compile_seconds: NonNegativeFloat | None = None
    error: str = ""
    code: Annotated[str, Field(pattern="^[0-9a-f]{0,64}$")] = ""
    origin: str = ""


def read(line: str) -> Trial:
    """The trial in `line`. Raises UserError, one short line, for whatever is none."""
    record = _validated(Record, line)
    return Trial(**{**dict(record), "schedule": Schedule.of(record.schedule)})


def read_log(path: Path, cut_short: bool = False) -> list[Trial]:
    """The trials of a study's log, compressed if its name ends in `.gz`. Raises UserError in one short line.

    One that may be `cut_short`, as a study leaves it that was killed, is read without the line that it did not finish.
    """
    return _lines(path, read, cut_short)


def read_outcomes(path: Path) -> list[Outcome]:
    """Of the trials of a study's log their outcomes only, which takes a fraction of the time. Raises UserError."""
    return _lines(path, lambda line: _validated(Outcome, line))


def read_schedules(path: Path) -> list[Schedule]:
    """The schedules of a file that holds a JSON list of what each decides. Raises UserError in one short line."""
    try:
        return list(map(Schedule.of, TypeAdapter(list[Values]).validate_json(content(path))))
    except ValidationError as error:
        raise UserError(f"no schedules: {reason(error)}") from None


class _Finals(BaseModel):
    """Of a study's result, who did not come through its finals."""

    lost: dict[str, str] = {}


def read_lost(path: Path) -> Mapping[str, str]:
    """Which finalists a study's result calls lost, and why. Raises UserError in one short line."""
    try:
        return _Finals.model_validate_json(content(path)).lost
    except ValidationError as error:
        raise UserError(f"no study's result: {reason(error)}") from None


def _validated(kind: type[R], line: str) -> R:
    if len(line) > LONGEST:
        raise UserError(f"no trial: a line of {len(line)} characters")
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        raise UserError(f"no trial: {reason(error)}") from None


def _lines(path: Path, parse: Callable[[str], L], cut_short: bool = False) -> list[L]:
    found = []
    lines = content(path).split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found.append(parse(line.decode()))
            except (UserError, UnicodeDecodeError) as error:
                if cut_short and number == len(lines):
                    break
                raise UserError(f"line {number}: {error}") from None
    return found


def content(path: Path) -> bytes:
    """What a file holds, decompressed if its name ends in `.gz`. Raises UserError for one that is too large."""
    try:
        with path.open("rb") as file:
            found = (gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file).read(LARGEST + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"cannot be read: {error}") from None
    if len(found) > LARGEST:
        raise UserError(f"more than {LARGEST >> 20} MiB when decompressed")
    return found


def reason(error: ValidationError, depth: int = 2) -> str:
    """The first fault and, in `depth` words, its place, safe to show: short and printable."""
    faults = error.errors(include_input=False, include_url=False)
    place = faults[0]["loc"][:depth]
    messages = (fault["msg"] for fault in faults if fault["loc"][:depth] == place)
    reasons = dict.fromkeys(message.removeprefix("Input ").removeprefix("Value error, ") for message in messages)
    words = f"{'.'.join(map(str, place))[:100]} {' or '.join(reasons)}".strip()
    return printable(words)
