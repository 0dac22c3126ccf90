"""A study's result as a table for people: the best schedule against each baseline."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, zip_longest
from typing import Any

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))

HEADER = ("", "time", "95 % interval", "speedup over", "of roofline", "GFLOP/s", "cost")
"""The first column names the program; `speedup over` it is the best schedule's."""


@dataclass(frozen=True, slots=True)
class Row:
    """A program's cells, '' where unknown; without any number, its name and the reason."""

    cells: tuple[str, ...]
    skipped: str = ""


def significant(value: float, digits: int) -> str:
    """`value` in fixed point with at least `digits` significant digits, trailing zeros kept."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def duration(seconds: float) -> str:
    """`seconds` in the unit that suits it: '412.3 µs'."""
    factor, unit = _unit(seconds)
    return f"{significant(seconds / factor, 4)} {unit}"


def table(result: Mapping[str, Any]) -> list[Row]:
    """A header, the best schedule (if there is one) and each baseline of a `result.json`; no empty columns."""
    best = result.get("best")
    programs = {**({"best": best} if best else {}), **result.get("baselines", {})}
    rows = [_row(name, entry, result) for name, entry in programs.items()]
    kept = [True, *(any(row.cells[column] for row in rows) for column in range(1, len(HEADER)))]
    return [Row(tuple(compress(row.cells, kept)), row.skipped) for row in (Row(HEADER), *rows)]


def markdown(result: Mapping[str, Any]) -> str:
    """The table as Markdown, numbers right-aligned."""
    header, *rows = table(result)
    lines = [header.cells, (":--", *["--:"] * (len(header.cells) - 1))]
    for row in rows:
        lines.append((row.cells[0], f"skipped: {row.skipped}", *row.cells[2:]) if row.skipped else row.cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def plain(result: Mapping[str, Any], width: int) -> list[str]:
    """The table as lines of text, numbers right-aligned, long reasons wrapped at `width`."""
    rows = table(result)
    indent, *widths = (max(map(len, cells)) for cells in zip(*(row.cells for row in rows), strict=True))
    lines = []
    for row in rows:
        name, *numbers = row.cells
        if row.skipped:
            reason = textwrap.wrap(f"skipped: {row.skipped}", max(20, width - indent - 2))
            lines += [f"{start:{indent}}  {part}" for start, part in zip_longest([name], reason, fillvalue="")]
        else:
            aligned = (number.rjust(size) for number, size in zip(numbers, widths, strict=True))
            lines.append("  ".join((name.ljust(indent), *aligned)).rstrip())
    return lines


def _unit(seconds: float) -> tuple[float, str]:
    return next(((factor, unit) for factor, unit in _UNITS if seconds >= factor), _UNITS[-1])


def _row(name: str, entry: Mapping[str, Any], result: Mapping[str, Any]) -> Row:
    numbers = {}
    if entry.get("cost") is not None:
        numbers["cost"] = f"{entry['cost']:.4g}"
    if entry.get("seconds") is not None:
        numbers |= _timed(name, entry, result)
    return Row((name, *(numbers.get(column, "") for column in HEADER[1:])), entry.get("skipped", ""))


def _timed(name: str, entry: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, str]:
    seconds = entry["seconds"]
    numbers = {"time": duration(seconds)}
    if "ci95" in entry:
        numbers["95 % interval"] = _interval(entry["ci95"], seconds)
    if name in result.get("speedup", {}):
        numbers["speedup over"] = f"{significant(result['speedup'][name], 3)}x"
    if roofline := result.get("baselines", {}).get("roofline", {}).get("seconds"):
        numbers["of roofline"] = f"{100 * roofline / seconds:.1f} %"
    if flops := result.get("workload", {}).get("flops"):
        numbers["GFLOP/s"] = significant(flops / seconds / 1e9, 3)
    return numbers


def _interval(ci95: Sequence[float], seconds: float) -> str:
    """Both ends in the unit, and with the decimals, of `seconds`."""
    factor, _ = _unit(seconds)
    decimals = len(significant(seconds / factor, 4).partition(".")[2])
    low, high = ci95
    return f"{low / factor:.{decimals}f} - {high / factor:.{decimals}f}"
