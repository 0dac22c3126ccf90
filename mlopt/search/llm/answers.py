"""What a model's answer proposes: JSON by a schema that is made from the space, read as if it fitted nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ...core.schedule import Value
from ...core.space import Knob

PROPOSALS, SCHEDULE, REASON = "proposals", "schedule", "reason"

_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)


def schema(knobs: Sequence[Knob], most: int, further: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """The JSON schema of an answer with at most `most` proposals. No knob is required: gaps are filled.

    `further` are properties that each proposal has besides, and their schemas.
    """
    values = {knob.name: {"enum": list(knob.values)} for knob in knobs}
    schedule = {"type": "object", "properties": values, "additionalProperties": False}
    proposal = {
        "type": "object",
        "properties": {REASON: {"type": "string"}, **further, SCHEDULE: schedule},
        "required": [REASON, *further, SCHEDULE],
        "additionalProperties": False,
    }
    proposals = {"type": "array", "items": proposal, "minItems": 1, "maxItems": most}
    return {
        "type": "object",
        "properties": {PROPOSALS: proposals},
        "required": [PROPOSALS],
        "additionalProperties": False,
    }


def proposals(text: str, most: int) -> list[dict[str, Any]]:
    """The first `most` proposals in an answer, whatever they hold; empty for an answer that holds none."""
    found = _found(text)
    if isinstance(found, dict):
        lists = [value for value in (found.get(PROPOSALS), *found.values()) if isinstance(value, list)]
        found = lists[0] if lists else [found]
    return [entry for entry in found[:most] if isinstance(entry, dict)] if isinstance(found, list) else []


def decisions(proposal: Mapping[str, Any], knobs: Mapping[str, Knob]) -> dict[str, Value]:
    """What a proposal decides, of knobs that there are, by values of a knob's type."""
    entry = proposal.get(SCHEDULE, proposal)
    if not isinstance(entry, dict):
        return {}
    read = {name: _value(value, knobs[name]) for name, value in entry.items() if name in knobs}
    return {name: value for name, value in read.items() if value is not None}


def _found(text: str) -> Any:
    """The JSON in an answer: all of it, what stands between fences, or what begins at the first bracket."""
    for candidate in (text, *_FENCED.findall(text), *_from_brackets(text)):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    return None


def _from_brackets(text: str) -> Iterator[str]:
    """The longest texts between the first opening and the last closing bracket of a kind."""
    for opening, closing in ("{}", "[]"):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            yield text[start : end + 1]


def _value(given: Any, knob: Knob) -> Value | None:
    """The knob's value that is meant; a number that is none of them for a knob of numbers; else None."""
    if not isinstance(given, (str, bool, int, float)):
        return None
    words = str(given).strip().lower()
    for value in knob.values:
        if str(value).lower() == words:
            return value
    if knob.kind not in ("log2", "ordinal") or isinstance(given, bool):
        return None
    try:
        number = float(given)
    except (ValueError, OverflowError):
        return None
    # A text among numbers has no nearest one.
    ordered = all(isinstance(value, (int, float)) for value in knob.values)
    return number if ordered and 0 < number < 1 << 63 else None
