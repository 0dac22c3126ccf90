"""What figures have in common."""

from __future__ import annotations

import pytest

from mlopt.page.figure import LABEL, LABEL_LINES, drawing, label, rows, scale

LONG = "evolve islands=2 mutation.rate=0.1 search.partner=random niches=32 patience=60 objectives=seconds"


def test_a_short_name_is_its_own_label() -> None:
    assert label("evolve islands=2") == "evolve islands=2"


@pytest.mark.parametrize("name", [LONG, LONG.replace(" ", "_")])
def test_a_long_name_has_several_lines_and_a_very_long_one_is_cut(name: str) -> None:
    lines = label(name).splitlines()
    assert len(lines) == LABEL_LINES
    assert max(map(len, lines)) <= LABEL
    assert lines[0].startswith("evolve")
    assert lines[-1].endswith("…")


def test_rows_are_as_high_as_their_longest_label_needs() -> None:
    (labels, one), (_, two) = rows(["a", "b"]), rows(["a", LONG])
    assert labels == ["a", "b"]
    assert two > 1.5 * one
    assert rows(["a"])[1] == pytest.approx(one / 2)


@pytest.mark.parametrize(("low", "high", "fewest"), [(0.6e-3, 1.3e-3, 5), (1e-3, 2e-2, 5), (1e-6, 1e-1, 5)])
def test_a_logarithmic_axis_has_enough_ticks_to_be_read(low: float, high: float, fewest: int) -> None:
    with drawing("a", "b") as figure:
        figure.axes.plot([0, 1], [low, high])
        scale(figure.axes)
        ticks = [tick for tick in figure.axes.get_yticks() if low <= tick <= high]
    assert fewest <= len(ticks) <= 14


@pytest.mark.parametrize("values", [[], [0.0, 1.0], [-1.0, 1.0]])
def test_what_has_no_logarithm_is_drawn_without(values: list[float]) -> None:
    with drawing("a", "b") as figure:
        figure.axes.plot(range(len(values)), values)
        scale(figure.axes)
        assert figure.axes.get_yscale() == "linear"
    assert figure.picture.svg
