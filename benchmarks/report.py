"""What every benchmark does with its figures: a table on the terminal, JSON in benchmarks/results/."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlopt.core.fingerprint import fingerprint

FILE_WIDTH = 200
"""Characters of a line where the table goes to a file."""

RESULTS = Path(__file__).parent / "results"


def report(name: str, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print `rows` as a table, one column a key, and write them with this machine's fingerprint to NAME.json."""
    from rich.console import Console
    from rich.table import Table

    write(name, rows)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(*(columns[:1]), title=title)
    for column in columns[1:]:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(_cell(row.get(column, "")) for column in columns))
    console = Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    console.print(table)


def write(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write `rows` alone; what is not known in the end can be written as far as it is."""
    RESULTS.mkdir(exist_ok=True)
    content = {"benchmark": name, "rows": list(rows), "fingerprint": fingerprint()}
    file, half = RESULTS / f"{name}.json", RESULTS / f".{name}.json"
    half.write_text(json.dumps(content, indent=2) + "\n")
    half.replace(file)  # whole at any time, whoever ends this process


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
