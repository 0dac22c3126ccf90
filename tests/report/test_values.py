"""Values of decisions, which may be whole texts."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mlopt.report.values import change, difference, is_text, label, shown

ONE = "def kernel(x):\n    y = x + 1\n    return y\n"
OTHER = "def kernel(x):\n    y = x + 2\n    z = y\n    return z\n"


def test_what_is_short_is_shown_as_it_is() -> None:
    assert [shown(value) for value in (64, 0.5, True, "outer")] == ["64", "0.5", "True", "outer"]
    assert label("outer") == "outer"
    assert change(64, 128) == "64 → 128"


@given(st.text())
def test_no_label_is_long_or_has_several_lines(text: str) -> None:
    assert len(label(text)) <= 60
    assert is_text(text) == (label(text) != text)
    assert not is_text(label(text))


def test_texts_are_told_apart_by_what_is_shown_of_them() -> None:
    assert re.fullmatch(r"[0-9a-f]{8} \(3 lines\)", shown(ONE))
    assert re.fullmatch(r"[0-9a-f]{8} \(1 line\)", shown("x" * 61))
    assert label(ONE) != label(OTHER)
    assert label(ONE) in shown(ONE)


def test_a_change_of_a_text_says_how_large_it_is() -> None:
    assert change(ONE, OTHER) == f"{shown(ONE)} → {shown(OTHER)}, +3 -2"
    assert change("—", ONE) == f"— → {shown(ONE)}"


def test_a_difference_holds_the_lines_that_changed() -> None:
    assert difference(ONE, OTHER, context=0).splitlines() == [
        "@@ -2,2 +2,3 @@",
        "-    y = x + 1",
        "-    return y",
        "+    y = x + 2",
        "+    z = y",
        "+    return z",
    ]
    assert difference(ONE, ONE) == ""
