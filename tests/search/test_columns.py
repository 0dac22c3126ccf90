"""Schedules as rows of numbers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from mlopt.core.schedule import Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.search.columns import MOST, Columns


class Free(KnobSpace):
    """Any values of any knobs."""

    def __init__(self, **values: tuple[Value, ...]) -> None:
        kinds = {name: "categorical" if isinstance(of[0], str) else "ordinal" for name, of in values.items()}
        self.knobs = tuple(Knob(name, kinds[name], of) for name, of in values.items())  # type: ignore[arg-type]

    def legal(self, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        return knob.values


def distances(space: Free) -> dict[tuple[Value, ...], float]:
    """Squared, scaled, between schedules that differ in the first knob alone, by its values."""
    columns, (first, *others) = Columns(space), space.knobs
    rest = {knob.name: knob.values[0] for knob in others}
    rows = np.array([columns.row(Schedule.of({first.name: value, **rest})) for value in first.values])
    rows /= columns.scale(rows)
    pairs = itertools.combinations(range(len(rows)), 2)
    return {(first.values[a], first.values[b]): float(((rows[a] - rows[b]) ** 2).sum()) for a, b in pairs}


@pytest.mark.parametrize("count", [3, 8, MOST])
def test_values_in_no_order_are_equally_far_apart_however_they_are_listed(count: int) -> None:
    texts = tuple(f"layout {index}" for index in range(count))
    for listed in (texts, texts[::-1]):
        found = distances(Free(layout=listed, unroll=(1, 2, 3)))
        assert list(found.values()) == pytest.approx([next(iter(found.values()))] * len(found))


@pytest.mark.parametrize("count", [3, 8, MOST])
def test_a_knob_in_no_order_counts_like_one_in_order(count: int) -> None:
    texts, numbers = tuple(f"layout {index}" for index in range(count)), tuple(range(count))
    means = [np.mean(list(distances(Free(knob=values)).values())) for values in (texts, numbers)]
    assert means[0] == pytest.approx(means[1], rel=1e-4)


def test_thousands_of_values_in_no_order_share_columns_by_their_names_alone() -> None:
    texts = tuple(f"layout {index}" for index in range(3000))
    forth, back = Columns(Free(layout=texts)), Columns(Free(layout=texts[::-1]))
    rows = [[columns.row(Schedule.of({"layout": text})) for text in texts] for columns in (forth, back)]
    assert np.array_equal(*rows)
    assert len(rows[0][0]) <= MOST + 2
    assert len({row.tobytes() for row in rows[0]}) == MOST


def test_what_never_varies_is_left_as_it_is() -> None:
    columns = Columns(Free(layout=("rows",), unroll=(1, 2)))
    rows = np.array([columns.row(Schedule.of({"layout": "rows", "unroll": 1}))] * 3)
    assert columns.scale(rows).tolist() == [1.0] * rows.shape[1]
