"""A whole sweep: its studies, then their comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...compare.reading import by_number, read_all
from ...compare.writing import FILES, SUMMARY
from ...core.errors import UserError
from ...tracker.pages import attach
from ..compare import show
from ..compose import CONFIG_NAME
from ..console import below_here
from ..errors import complain
from .sweep import Sweep

if TYPE_CHECKING:
    from hydra._internal.hydra import Hydra


def run_sweep(hydra: Hydra, words: list[str]) -> int:
    """Run the sweep that `words` describe, and compare its studies; the highest of their exit codes."""
    sweep = Sweep()
    hydra.multirun(CONFIG_NAME, sweep, words)
    if sweep.folder is not None:
        try:
            found = read_all(map(below_here, sorted(sweep.directories, key=by_number)))
            if found.studies:
                show(found, sweep.folder)
                attach(sweep.folder, FILES, SUMMARY)
        except UserError as error:
            complain(f"the studies are complete, and cannot be compared: {error}")
    return max(sweep.codes, default=0)
