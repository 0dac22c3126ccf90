"""Plain data is read as annotations ask, and refused where it is of another kind, with its place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mlopt.core.plain import Misfit, read


@dataclass(frozen=True)
class Inner:
    size: Annotated[int, lambda size: "" if size > 0 else "should be positive"]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.size == 13:
            raise ValueError("thirteen is taken")


@dataclass(frozen=True)
class Outer:
    inner: Inner
    others: Sequence[Inner] = ()
    table: Mapping[str, Inner | None] | None = None


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.sampled_from(["", "a", "3", "soft"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=5,
)
ANNOTATIONS: list[Any] = [
    bool,
    int,
    float,
    str,
    int | None,
    int | str,
    float | None,
    Literal["soft", 3],
    Sequence[int],
    Sequence[str] | None,
    tuple[int, ...],
    tuple[int, str],
    tuple[tuple[float, ...], ...],
    Mapping[str, int],
    dict[str, Sequence[bool] | None],
    Any,
]


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
@given(value=PLAIN)
def test_what_is_accepted_is_what_a_strict_validator_accepts(annotation: Any, value: Any) -> None:
    strict = TypeAdapter(annotation)
    try:
        expected = strict.validate_json(strict_json(value), strict=True)
    except ValidationError:
        with pytest.raises(Misfit):
            read(annotation, value)
    else:
        assert read(annotation, value) == expected


def strict_json(value: Any) -> bytes:
    return TypeAdapter(Any).dump_json(value)


def test_dataclasses_are_made_of_mappings() -> None:
    plain = {"inner": {"size": 1, "names": ["x"]}, "others": [{"size": 2}], "table": {"a": None, "b": {"size": 3}}}
    assert read(Outer, plain) == Outer(Inner(1, ("x",)), [Inner(2)], {"a": None, "b": Inner(3)})


@pytest.mark.parametrize(
    ("plain", "place", "message"),
    [
        ({}, ("inner",), "is missing"),
        ({"inner": {"size": 1}, "innner": 3}, ("innner",), "there is no such key"),
        ({"inner": {"size": 0}}, ("inner", "size"), "should be positive"),
        ({"inner": {"size": 13}}, ("inner",), "thirteen is taken"),
        ({"inner": {"size": 1, "names": ["x", 2]}}, ("inner", "names", 1), "should be a valid string"),
        ({"inner": {"size": 1}, "others": [{"size": 1}, {}]}, ("others", 1, "size"), "is missing"),
        ({"inner": {"size": 1}, "table": {"a": {"size": "1"}}}, ("table", "a", "size"), "should be a valid integer"),
        ([], (), "should be a mapping of keys"),
    ],
)
def test_a_misfit_says_where_it_is(plain: Any, place: tuple[str | int, ...], message: str) -> None:
    with pytest.raises(Misfit) as caught:
        read(Outer, plain)
    assert (caught.value.place, str(caught.value)) == (place, message)


def test_numbers_become_floats_and_texts_paths_where_these_are_asked_for() -> None:
    assert type(read(float, 3)) is float
    assert math.isinf(read(float, math.inf))
    assert read(Path, "a/b") == Path("a/b")


def test_other_types_are_left_to_their_constructors() -> None:
    assert read(complex, "1j") == "1j"
