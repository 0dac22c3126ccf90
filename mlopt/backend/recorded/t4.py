"""The T4 format of the autotuning community, read: one JSON document for all configurations that were tried.

Its schema is published by the AutoTuningAssociation, in the repository `autotuning_methodology`.
"""

from __future__ import annotations

import ast
import math
import re
from typing import Annotated, Any

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    ValidationError,
)

from ...core.errors import UserError, printable
from ...core.record import Values, reason
from ...core.schedule import Schedule
from ...core.trial import Status, Trial
from .document import STATUS

LONGEST_TEXT = 1 << 16
"""Characters of `times` where it is text."""

COST = "cost"
"""The objective of programs that were simulated, in no unit."""

TIMES = re.compile("time|latency|duration|seconds", re.IGNORECASE)
"""In the names of objectives that are times, where their unit is not told. What is to be as high as possible, such as
GFLOP/s, would be minimised."""

_UNITS = {
    **dict.fromkeys(("seconds", "second", "s"), 1.0),
    **dict.fromkeys(("milliseconds", "miliseconds", "ms"), 1e-3),
    **dict.fromkeys(("microseconds", "us", "µs"), 1e-6),
    **dict.fromkeys(("nanoseconds", "ns"), 1e-9),
}


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Metadata(_Model):
    timeunit: str = "milliseconds"


class _Times(_Model):
    compilation: Annotated[
        NonNegativeFloat | None, Field(validation_alias=AliasChoices("compilation_time", "compilation"))
    ] = None
    runtimes: Annotated[list[NonNegativeFloat], FailFast()] = []


class _Measurement(_Model):
    name: str = ""
    value: Annotated[FiniteFloat | Any, Field(union_mode="left_to_right")] = None
    unit: str = ""


class _Result(_Model):
    configuration: Values
    times: _Times | str = _Times()
    invalidity: str
    correctness: float = 1.0
    measurements: Annotated[list[_Measurement], FailFast()] = []
    objectives: Annotated[list[str], FailFast()] = ["time"]


class _File(_Model):
    metadata: _Metadata = _Metadata()
    results: Annotated[list[_Result], FailFast()]


def read(content: bytes) -> list[Trial]:
    """The results in `content`, in seconds. Raises UserError, in one line, for whatever is not T4."""
    try:
        file = _File.model_validate_json(content)
    except ValidationError as error:
        raise UserError(f"not T4: {reason(error, depth=4)}") from None
    unit = _unit(file.metadata.timeunit)
    trials = []
    for number, result in enumerate(file.results):
        try:
            trials.append(_trial(number, result, unit))
        except UserError as error:
            raise UserError(f"not T4: results.{number}: {error}") from None
    return trials


def _trial(number: int, result: _Result, unit: float) -> Trial:
    status = STATUS.get(result.invalidity)
    if status is None:
        raise UserError(f"invalidity {printable(result.invalidity[:50])!r} is none of {', '.join(STATUS)}")
    if status is Status.OK and not result.correctness:
        status = Status.WRONG_RESULT
    times = _times(result.times)
    objective = result.objectives[0] if result.objectives else "time"
    measured = {measurement.name: measurement for measurement in result.measurements}
    target = measured.get(objective, _Measurement())
    ok, timed = status is Status.OK, objective != COST
    if ok and not timed:
        _positive(objective, target.value)
    return Trial(
        trial=number,
        schedule=Schedule.of(result.configuration),
        status=status,
        seconds=_seconds(objective, target, unit) if ok and timed else None,
        samples=tuple(seconds * unit for seconds in times.runtimes) if ok else (),
        compile_seconds=None if times.compilation is None else times.compilation * unit,
        metrics={
            name: measurement.value
            for name, measurement in measured.items()
            if _is_number(measurement.value) and not (timed and name == objective)
        },
        error="" if ok else target.value if isinstance(target.value, str) else result.invalidity,
    )


def _seconds(objective: str, measured: _Measurement, unit: float) -> float:
    if not measured.unit and not TIMES.search(objective):
        raise UserError(f"{printable(objective[:50])!r} is not known to be a time: it has no unit")
    value: float = _positive(objective, measured.value)
    return _positive(objective, value * (_unit(measured.unit) if measured.unit else unit))


def _positive(objective: str, value: Any) -> float:
    if not _is_number(value) or value <= 0:
        raise UserError(f"it is correct, but its {printable(objective[:50])!r} is no positive number")
    number: float = value
    return number


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _times(times: _Times | str) -> _Times:
    """`times`, which some files hold as the text of a Python dictionary."""
    if isinstance(times, _Times):
        return times
    try:
        if len(times) > LONGEST_TEXT:
            raise ValueError
        return _Times.model_validate(ast.literal_eval(times), strict=False)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise UserError("times is neither an object nor the text of one") from None


def _unit(name: str) -> float:
    if name not in _UNITS:
        raise UserError(f"{printable(name[:50])!r} is no unit of time; mlopt knows {', '.join(_UNITS)}")
    return _UNITS[name]
