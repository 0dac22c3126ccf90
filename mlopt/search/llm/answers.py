"""What a model's answer proposes: JSON by a schema that is made from the space, read as if it fitted nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ...core.schedule import Value
from ...core.space import Knob

PROPOSALS, SCHEDULE, REASON = "proposals", "schedule", "reason"

ATTEMPTS = 100
"""Brackets of an answer that begin no JSON, after which the rest of it is not looked at."""

THOUGHT = "</think>"
"""Ends what a reasoning model says to itself, drafts of its answer among it."""

_BRACKET = re.compile(r"[\[{]")


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


def proposals(text: str, most: int, marks: Collection[str] = (SCHEDULE,)) -> list[dict[str, Any]]:
    """The first `most` proposals in an answer, whatever they hold; empty for an answer that holds none.

    The last list under `proposals` counts, else whatever might be one: objects in lists or by themselves, such as the
    whole ones of a list that was cut short. `marks` are keys by which an object is known to be one.
    """
    found = list(_found(spoken(text)))
    lists = [each[PROPOSALS] for each in found if isinstance(each, dict) and isinstance(each.get(PROPOSALS), list)]
    entries = lists[-1] if lists else [entry for each in found for entry in _entries(each, marks)]
    return [entry for entry in entries if isinstance(entry, dict)][:most]


def spoken(text: str) -> str:
    """An answer without what its model has said to itself."""
    return text.rpartition(THOUGHT)[2]


def decisions(proposal: Mapping[str, Any], knobs: Mapping[str, Knob]) -> dict[str, Value]:
    """What a proposal decides, of knobs that there are, by values of a knob's type."""
    entry = proposal.get(SCHEDULE, proposal)
    if not isinstance(entry, dict):
        return {}
    read = {name: _value(value, knobs[name]) for name, value in entry.items() if name in knobs}
    return {name: value for name, value in read.items() if value is not None}


def _found(text: str) -> Iterator[Any]:
    """The lists and objects of JSON that stand in a text, but for those within others."""
    decoder, end, failed = json.JSONDecoder(), 0, 0
    for bracket in _BRACKET.finditer(text):
        if bracket.start() < end:
            continue
        try:
            value, end = decoder.raw_decode(text, bracket.start())
        except (ValueError, RecursionError):
            failed += 1
            if failed == ATTEMPTS:
                return
        else:
            yield value


def _entries(value: Any, marks: Collection[str]) -> Sequence[Any]:
    """What may be proposals in a list or an object of JSON."""
    if isinstance(value, list):
        return value
    if not value.keys().isdisjoint(marks):
        return [value]
    return next((each for each in value.values() if isinstance(each, list)), [value])


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
