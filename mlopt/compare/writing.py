"""A comparison as files: JSON for scripts, a page for people, figures and tables for papers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from .. import __version__
from ..page.render import render
from . import tables
from .figures import MOST_SPACES, figures
from .methods import Methods
from .record import StudyRecord
from .verdict import verdict

NAME = "compare.json"
PAGE = "compare.html"
PAPER = "compare"
"""The folder of what goes into a paper."""
SUMMARY = f"{PAPER}/summary.md"
"""The verdict and the table of methods, for whoever wants a few lines."""
FILES = (NAME, PAGE, PAPER)


def write(found: Methods, studies: Sequence[StudyRecord], out: Path) -> None:
    """Write all of it to the folder `out`. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    (out / NAME).write_text(json.dumps(found.to_json(), indent=2, allow_nan=False) + "\n")
    overall, curves = figures(found, studies)
    methods, pairs, spaces = tables.methods(found), tables.pairs(found), tables.spaces(found)
    sentences = verdict(found)
    page = render(
        "compare.html.j2",
        title=f"{len(studies)} studies compared",
        version=__version__,
        verdict=sentences,
        methods=methods,
        pairs=pairs,
        spaces=spaces,
        overall=overall,
        curves=curves,
        notes=found.notes,
        undrawn=max(0, len({study.space for study in studies}) - MOST_SPACES),
    )
    (out / PAGE).write_text(page)
    paper = out / PAPER
    paper.mkdir(exist_ok=True)
    (out / SUMMARY).write_text(f"{' '.join(sentences)}\n\n{methods.markdown()}\n")
    for picture in (*overall, *curves):
        (paper / f"{picture.name}.png").write_bytes(picture.png)
    for name, table in (("methods", methods), ("pairs", pairs), ("spaces", spaces)):
        (paper / f"{name}.md").write_text(f"{table.markdown()}\n")
        (paper / f"{name}.tex").write_text(f"{table.latex()}\n")
