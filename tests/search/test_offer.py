"""What may be decided next, found by its value."""

from __future__ import annotations

import pytest

from mlopt.core.schedule import Decision, Value
from mlopt.core.space import Kind, Knob
from mlopt.search.offer import Offer


def offer(*values: Value, kind: Kind = "ordinal", knob: tuple[Value, ...] = ()) -> Offer:
    """These values of a knob, which has others as well."""
    return Offer(Knob("tile", kind, tuple(sorted({*values, *knob}, key=float))), [Decision("tile", v) for v in values])


def nearest(of: Offer, wanted: Value) -> Value | None:
    found = of.nearest(wanted)
    return None if found is None else found.value


@pytest.mark.parametrize(
    ("values", "wanted", "expected"),
    [
        ((1, 4, 16), 3, 4),
        ((1, 4, 16), 12, 16),
        ((1, 4, 16), 1000, 16),
        ((1, 4, 16), 0.5, 1),
        ((1, 4, 16), 0, 1),
        ((1, 4, 16), -4, 1),
        ((1, 4, 16), 10**400, 16),
        ((0, 16, 32, 64), 48, 64),
        ((0, 16, 32, 64), 2, 0),
        ((0, 16, 32, 64), 9, 16),
        ((-8, 0, 8), -5, -8),
        ((-8, 0, 8), 3, 0),
        ((-0.5, 0.0, 0.5), 0.3, 0.5),
    ],
)
def test_a_number_of_another_space_becomes_the_nearest(
    values: tuple[Value, ...], wanted: Value, expected: Value
) -> None:
    for options in (values, values[::-1]):  # as a space may list them
        assert nearest(offer(*options), wanted) == expected


def test_a_value_of_the_knob_becomes_the_nearest_by_its_code() -> None:
    assert nearest(offer(1, 100, knob=(2, 3, 4)), 3) == 1  # two places away, as is the other one
    assert nearest(offer(1, 100, knob=(2, 3, 4)), 4) == 100
    assert nearest(offer(1, 64, kind="log2", knob=(2, 4, 8, 16, 32)), 16) == 64
    assert nearest(offer(1, 64, kind="log2", knob=(2, 4, 8, 16, 32)), 8) == 1


def test_words_in_an_order_are_compared_by_their_places() -> None:
    knob = Knob("effort", "ordinal", ("low", "medium", "high"))
    few = Offer(knob, [Decision("effort", "medium"), Decision("effort", "high")])
    assert nearest(few, "low") == "medium"
    assert few.nearest("none") is None
    assert few.nearest(3) is None


def test_nothing_is_nearest_where_there_is_no_order() -> None:
    assert offer(1, 2, 4, kind="categorical").nearest(3) is None
    assert offer(1, 2, 4).nearest("wide") is None
    assert offer(1, 2, 4).nearest(None) is None


def test_options_beside_one_are_the_next_in_order() -> None:
    of = offer(16, 1, 4, knob=(2, 8))
    assert [[option.value for option in of.beside(Decision("tile", value))] for value in (1, 4, 16)] == [
        [4],
        [1, 16],
        [4],
    ]
