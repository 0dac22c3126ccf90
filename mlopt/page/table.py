"""A table, for whoever reads it: on a terminal, in a page, in Markdown and in LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rich.table


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

    def rich(self) -> rich.table.Table:
        """For a terminal."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table as RichTable

        table = RichTable(box=SIMPLE_HEAD)
        for column in self.columns:
            table.add_column(column.name, justify="right" if column.number else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

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
