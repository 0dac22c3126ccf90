"""`mlopt dataset DIR...`: what studies measured, as one Parquet file for research on cost models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ..compare.reading import study_folders
from ..core.errors import UserError
from ..core.judged import read_judged
from ..trial_log import TrialLog
from .errors import complain
from .parser import Parser
from .study_folder import read

NAME = "dataset.parquet"


def dataset(arguments: Sequence[str]) -> int:
    """Write the file. Raises UserError where no study found anything, and for want of room."""
    from ..dataset import write  # loads what only this needs

    call = _parser().parse_args(list(arguments))
    folders = [study for folder in call.folders for study in _studies(folder)]
    target = call.to or call.folders[0] / NAME
    with Console(stderr=True).status("building each program once more, for what can be counted in it"):
        tables = {folder: rows for folder in folders if (rows := _rows_if_any(folder, len(folders) == 1)) is not None}
    if not tables:
        raise UserError(f"none of {len(folders)} studies found a valid schedule")
    table = [row for rows in tables.values() for row in rows]
    try:
        write(table, target)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}") from error
    of = "a study" if len(tables) == 1 else f"{len(tables)} studies"
    print(f"{target}: {len(table)} trials of {of}")
    return 0


def _studies(folder: Path) -> list[Path]:
    """The studies in `folder`, itself or below it."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}")
    found = [study for study in study_folders(folder) if (study / TrialLog.NAME).exists()]
    if not found:
        raise UserError(f"{folder} holds no study")
    return found


def _rows_if_any(folder: Path, alone: bool) -> list[dict[str, Any]] | None:
    """The rows of a study; of one that has none, unless it is alone, a complaint: the others go on without it."""
    try:
        return list(_rows(folder))
    except UserError as error:
        if alone:
            raise
        complain(f"left out: {error}")
        return None


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    from ..dataset import rows

    study = read(folder)
    facts = {
        "workload": json.dumps(study.result.workload),
        "backend": type(study.backend).__name__.lower(),
        "machine": str(study.result.fingerprint.get("cpu", "")),
        "threads": study.result.threads,
    }
    try:
        trials = read_judged(folder / TrialLog.NAME, cut_short=True)
    except UserError as error:
        raise UserError(f"{folder / TrialLog.NAME}: {error}") from None
    yield from rows(str(folder), study.workload, study.backend, facts, trials)


def _parser() -> Parser:
    parser = Parser("dataset", "call it as mlopt dataset DIR... [--to FILE]")
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--to", type=Path, metavar="FILE", help=f"by default {NAME} in the first DIR")
    return parser
