"""Pages from templates: one file, in which everything is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def render(template: str, **content: Any) -> str:
    """The page that `template`, a file beside this one, makes of `content`; all text in it is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["quantity"] = quantity
    return environment.get_template(template).render(style=(FOLDER / "style.css").read_text(), **content)


def quantity(value: float | None, unit: str = "s") -> str:
    """A number as people write it: `1.23 ms` where it is seconds, four digits where it has no unit."""
    if value is None:
        return ""
    if unit != "s" or not value:
        return f"{value:.4g} {unit}".strip()
    for size, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(value) >= size:
            return f"{value / size:.4g} {name}"
    return f"{value / 1e-9:.4g} ns"
