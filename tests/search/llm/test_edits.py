"""Edits of a text, as models write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlopt.search.llm.edits import Edit, Unfit, blocks, edited, listed

TEXT = """\
def f(x):
    for i in range(4):
        x += 1
    return x


def g(x):
    return x
"""


def test_replaces_the_one_place_that_is_meant() -> None:
    assert edited(TEXT, [Edit("x += 1", "x += 2")]) == TEXT.replace("x += 1", "x += 2")


def test_one_edit_follows_the_other() -> None:
    assert edited(TEXT, [Edit("x += 1", "x += 2"), Edit("x += 2", "x += 3")]) == TEXT.replace("x += 1", "x += 3")


def test_an_empty_search_replaces_everything() -> None:
    assert edited(TEXT, [Edit("", "pass\n")]) == "pass\n"


def test_lines_that_are_indented_otherwise_are_found_and_what_replaces_them_is_shifted() -> None:
    edit = Edit("for i in range(4):\n    x += 1  \n", "\nfor i in range(8):\n    x += 1\n\n    x += 2\n")
    lines = "    for i in range(8):\n        x += 1\n\n        x += 2\n"
    assert edited(TEXT, [edit]) == TEXT.replace("    for i in range(4):\n        x += 1\n", lines)


@pytest.mark.parametrize("search", ["return x", "  return x  "])
def test_what_stands_in_several_places_is_refused(search: str) -> None:
    with pytest.raises(Unfit, match="edit 2: what it searches for stands in 2 places"):
        edited(TEXT, [Edit("x += 1", "x += 1"), Edit(search, "return 1")])


def test_what_stands_nowhere_is_refused_with_the_nearest_line() -> None:
    with pytest.raises(Unfit, match=r"edit 1: .* not in the source; .* is: for i in range\(4\):"):
        edited(TEXT, [Edit("for i in range(5):\n    x += 1", "pass")])


def test_blocks_are_found_in_prose() -> None:
    text = (
        "Here:\n<<<<<<< SEARCH\n    x += 1\n=======\n    x += 2\n    x += 3\n>>>>>>> REPLACE\nand\n<<<<<<< SEARCH\na\n"
    )
    text += "=======\n>>>>>>> REPLACE"
    assert blocks(text) == [Edit("    x += 1\n", "    x += 2\n    x += 3\n"), Edit("a\n", "")]


SEARCH, MIDDLE, REPLACE = "<<<<<<< SEARCH\n", "=======\n", ">>>>>>> REPLACE\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{SEARCH}a\n{SEARCH}b\n{MIDDLE}c\n{REPLACE}", [Edit("b\n", "c\n")]),
        (f"{SEARCH}a\n{MIDDLE}b\n{MIDDLE}c\n{REPLACE}", [Edit("a\n", f"b\n{MIDDLE}c\n")]),
        (f"{SEARCH}a\n{REPLACE}{MIDDLE}c\n{REPLACE}", [Edit(f"a\n{REPLACE}", "c\n")]),
        (f"{MIDDLE}{REPLACE}", []),
        (f"{SEARCH}a\n{MIDDLE}c\n", []),
        ("<<<<< SEARCH\r\na\r\n=====\r\nb\r\n>>>>> REPLACE", [Edit("a\r\n", "b\r\n")]),
        (f" {SEARCH}a\n{MIDDLE}c\n{REPLACE}", []),
    ],
)
def test_only_whole_blocks_count(text: str, expected: list[Edit]) -> None:
    assert blocks(text) == expected


@pytest.mark.parametrize(
    "text",
    [SEARCH * 20_000 + MIDDLE * 20_000, f"{SEARCH}{MIDDLE}" * 20_000, SEARCH + " " * 500_000],
    ids=["runs", "pairs", "blanks"],
)
def test_however_long_an_answer_is_its_blocks_are_found_at_once(text: str) -> None:
    """Or this test never ends."""
    assert blocks(text) == []


@given(st.lists(st.tuples(st.text("ab \n"), st.text("ab \n")), max_size=4))
def test_blocks_are_what_was_written(written: list[tuple[str, str]]) -> None:
    lined = [(f"{a}\n", f"{b}\n") for a, b in written]
    text = "".join(f"so\n{SEARCH}{a}{MIDDLE}{b}{REPLACE}" for a, b in lined)
    assert blocks(text) == [Edit(a, b) for a, b in lined]


def test_half_a_character_is_made_whole() -> None:
    assert listed([{"search": "a\ud83d", "replace": "\udc00b"}]) == [Edit("a?", "?b")]


@pytest.mark.parametrize("given", [None, 3, "text", {}, [3], [{"search": "a"}], [{"search": 1, "replace": ""}]])
def test_what_is_no_list_of_edits_holds_none(given: object) -> None:
    assert listed(given) == []


@given(st.text(), st.text(), st.text())
def test_whatever_is_proposed_there_is_a_text_or_a_reason(text: str, search: str, replace: str) -> None:
    with contextlib.suppress(Unfit):
        edited(text, [Edit(search, replace)])


LINES = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), min_size=1, unique=True)


@given(LINES, st.data(), st.integers(0, 3))
def test_any_lines_can_be_replaced_however_they_are_indented(lines: list[str], data: st.DataObject, by: int) -> None:
    start = data.draw(st.integers(0, len(lines) - 1))
    end = data.draw(st.integers(start + 1, len(lines)))
    text = "".join(f"    {line}\n" for line in lines)
    search = "".join(" " * by + f"{line}\n" for line in lines[start:end])
    expected = [*lines[:start], "new", *lines[end:]]
    assert edited(text, [Edit(search, " " * by + "new\n")]).split() == expected
