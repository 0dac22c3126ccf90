"""A table, for whoever reads it: on a terminal, in a page, in Markdown and in LaTeX."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import rich.table

TITLE = 8
"""Characters of a line of a title, where there is no room for it in one."""
SPACES = 2
"""Between columns, and at the ends."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; a number stands at its right edge."""

    name: str
    number: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text, as many cells each as there are columns."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def rich(self, width: int) -> rich.table.Table:
        """For a terminal of so many characters a line: where it is narrow, titles of numbers take several of them."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table as RichTable

        names = [column.name for column in self.columns]
        if self._needed(names) > width:
            names = [textwrap.fill(column.name, TITLE) if column.number else column.name for column in self.columns]
        whole = self._needed(names) <= width
        table = RichTable(box=SIMPLE_HEAD, padding=(0, SPACES - 1, 0, 0))
        for column, name in zip(self.columns, names, strict=True):
            side: Literal["left", "right"] = "right" if column.number else "left"
            table.add_column(name, justify=side, no_wrap=column.number and whole, overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return table

    def _needed(self, names: Sequence[str]) -> int:
        """Characters of a line that hold all columns under these names, each of which may have several lines."""
        titles = [max(name.splitlines(), key=len) for name in names]
        return sum(max(map(len, cells)) + SPACES for cells in zip(titles, *self.rows, strict=True)) + SPACES

    def markdown(self) -> str:
        """As GitHub's dialect has it."""
        return self._text("github")

    def latex(self) -> str:
        """A `tabular` with the rules of the booktabs package."""
        return self._text("latex_booktabs")

    def _text(self, form: str) -> str:
        from tabulate import tabulate

        names = [column.name for column in self.columns]
        sides = ["right" if column.number else "left" for column in self.columns]
        return tabulate(self.rows, names, tablefmt=form, colalign=sides if self.rows else None, disable_numparse=True)
