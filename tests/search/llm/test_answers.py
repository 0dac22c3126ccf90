"""What a model's answer proposes."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlopt.core.space import Knob
from mlopt.search.llm.answers import decisions, proposals, schema

KNOBS = {
    knob.name: knob
    for knob in (
        Knob("tile", "log2", (1, 2, 4, 8)),
        Knob("order", "permutation", ("mn", "nm")),
        Knob("peel", "categorical", (False, True)),
    )
}
WHOLE = {"proposals": [{"reason": "why not", "schedule": {"tile": 4, "order": "nm", "peel": True}}]}


def read(text: str, most: int = 4) -> list[dict[str, Any]]:
    return [decisions(each, KNOBS) for each in proposals(text, most)]


def test_an_answer_by_the_schema_is_read_whole() -> None:
    jsonschema.validate(WHOLE, schema(list(KNOBS.values()), 4))
    assert read(json.dumps(WHOLE)) == [WHOLE["proposals"][0]["schedule"]]


@pytest.mark.parametrize("value", [{"tile": 3}, {"unknown": 1}])
def test_the_schema_refuses_what_the_space_does_not_know(value: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"proposals": [{"reason": "", "schedule": value}]}, schema(list(KNOBS.values()), 4))


@pytest.mark.parametrize(
    "text",
    [
        'Sure! Here it is:\n```json\n{"proposals": [{"schedule": {"tile": 4}}]}\n```\nGood luck.',
        'I propose {"proposals": [{"schedule": {"tile": "4"}}]} because.',
        '[{"tile": 4}]',
        '{"schedule": {"tile": 4.0}}',
        '{"schedules": [{"tile": 4, "unknown": 7}]}',
    ],
)
def test_other_forms_are_understood(text: str) -> None:
    assert read(text) == [{"tile": 4}]


def test_values_have_their_knobs_types() -> None:
    (decided,) = read('[{"tile": "8", "order": "NM", "peel": "true"}]')
    assert [(type(value), value) for value in decided.values()] == [(int, 8), (str, "nm"), (bool, True)]


def test_a_number_that_is_no_value_is_left_to_be_mended() -> None:
    assert read('[{"tile": 5, "order": "x", "peel": 7}]') == [{"tile": 5.0}]


def test_no_more_than_were_asked_for() -> None:
    assert len(read(json.dumps([{"tile": 1}] * 50), most=3)) == 3


@pytest.mark.parametrize(
    "text",
    [
        'I chose {tile: 4} over [1, 2: {"proposals": [{"schedule": {"tile": 4}}]} {and so on}',
        '<think>{"proposals": [{"schedule": {"tile": 1}}]}</think>{"proposals": [{"schedule": {"tile": 4}}]}',
        '<think>A draft:\n```json\n[{"tile": 2}]\n```\n</think>\n```json\n[{"tile": 4}]\n```',
        'First {"proposals": [{"schedule": {"tile": 2}}]}, better {"proposals": [{"schedule": {"tile": 4}}]}',
        '{"reason": "a hunch", "proposals": [{"schedule": {"tile": 4}}]}',
    ],
)
def test_the_last_proposals_that_are_said_aloud_count(text: str) -> None:
    assert read(text) == [{"tile": 4}]


@given(st.lists(st.sampled_from([1, 2, 4, 8]), min_size=1, max_size=4), st.data())
def test_whole_proposals_of_an_answer_that_was_cut_short_are_kept(tiles: list[int], data: st.DataObject) -> None:
    entries = [json.dumps({"reason": "{why} [not]", "schedule": {"tile": tile}}) for tile in tiles]
    ends = [len('{"proposals": [' + ", ".join(entries[: count + 1])) for count in range(len(entries))]
    text = '{"proposals": [' + ", ".join(entries) + "]}"
    cut = data.draw(st.integers(0, len(text) - 1))
    whole = sum(end <= cut for end in ends)
    assert [each["tile"] for each in read(text[:cut])[:whole]] == tiles[:whole]


@pytest.mark.parametrize(
    "text",
    [
        "```" + " " * 300_000,
        "{" * 300_000,
        '{"a":' * 60_000,
        "[" * 90 + "[1]," * 20_000,
        '[{"a": "' + "b" * 500_000,
        "{}" * 200_000,
        "<think>" * 100_000,
    ],
    ids=["blanks", "braces", "nested", "lists", "text", "empty", "thoughts"],
)
def test_however_long_an_answer_is_it_is_read_at_once(text: str) -> None:
    """Or this test never ends."""
    assert [decided for decided in read(text) if decided] == []


NONE = ["", "prose", "{", "[" * 100_000, "null", '"text"', '{"proposals": "none"}', "[1, [2]]"]
JSON = st.recursive(st.none() | st.floats() | st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each))


@pytest.mark.parametrize("text", NONE)
def test_an_answer_without_proposals_is_none(text: str) -> None:
    assert [decided for decided in read(text) if decided] == []


@given(st.text() | JSON.map(json.dumps))
def test_whatever_is_answered_only_values_come_out(text: str) -> None:
    for decided in read(text):
        assert decided.keys() <= KNOBS.keys()
        assert all(isinstance(value, (bool, int, float, str)) for value in decided.values())
