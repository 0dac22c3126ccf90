"""Tables on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mlopt.page.table import Column, Table

TABLE = Table(
    [Column("method", number=False), Column("95 % interval"), Column("median best"), Column("sure", number=False)],
    [["evolve islands=2", "-0.200 to -0.050", "39.52 µs", "no"], ["random", "0.019 to 0.195", "45.12 µs", "yes"]],
)


def shown(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(TABLE.rich(width))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("width", "lines"), [(80, 1), (56, 2)])
def test_numbers_stay_whole_while_there_is_room_and_titles_give_way(width: int, lines: int) -> None:
    text = shown(width)
    for row in TABLE.rows:
        assert any(all(cell in line for cell in row) for line in text)
    rule = next(number for number, line in enumerate(text) if "───" in line)
    assert len([line for line in text[:rule] if line.strip()]) == lines


def test_where_there_is_too_little_room_nothing_is_left_out() -> None:
    text = "".join(shown(36)).replace(" ", "")
    assert "…" not in text
    for number in ("-0.200", "-0.050", "39.52", "45.12"):
        assert number in text
