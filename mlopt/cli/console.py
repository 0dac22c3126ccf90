"""What commands show: by rich on a terminal, else, and where rich is not installed, as plain lines."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


class Plain:
    """Of rich's console what plain lines have use for."""

    is_terminal = False

    @property
    def width(self) -> int:
        return shutil.get_terminal_size().columns

    def print(self, line: str, **looks: Any) -> None:
        """How a line might look is passed over."""
        print(line, flush=True)

    def status(self, text: str) -> AbstractContextManager[None]:
        """What is being done, which only a terminal could forget again."""
        return nullcontext()


def open_console() -> Console | Plain:
    """Whatever fits standard output."""
    if not sys.stdout.isatty():
        return Plain()
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return Plain()
    return Console(markup=False, highlight=False, emoji=False)


def below_here(path: Path) -> Path:
    """`path`, relative to the current folder where it lies in it."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def show_table(
    console: Console | Plain,
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Mapping[str, str] | None = None,
) -> None:
    """A table in columns, of which plain lines hold a row each, however long; `styles` is how rich shows a cell."""
    if isinstance(console, Plain):
        widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
        for row in (titles, *rows):
            console.print("  ".join(map(str.ljust, row, widths)).rstrip())
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(*titles, box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(Text(cell, (styles or {}).get(cell, "")) for cell in row))
    console.print(table)
