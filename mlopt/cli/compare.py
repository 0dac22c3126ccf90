"""`mlopt compare DIR...`: which search is better, by how much, and how sure that is; --mlflow QUERY finds studies, too.

`mlopt compare --against RECORD`: whether a kernel that was found is still as fast here as it was said to be.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from ..compare import tables
from ..compare.methods import compare
from ..compare.reading import Found, read_all, study_folders
from ..compare.record import without_copies
from ..compare.verdict import verdict
from ..compare.writing import PAGE, write
from ..core.errors import UserError
from .parser import Parser

FILE_WIDTH = 200
"""Characters of a line where the table goes to a file."""


def compare_folders(arguments: Sequence[str]) -> int:
    """Compare the studies in all folders given: tables on the terminal, a page and its data in a folder."""
    call = _parser().parse_args(list(arguments))
    if call.against is not None:
        if call.folders or call.out or call.mlflow:
            raise UserError("compare: --against RECORD measures one kernel: leave out DIR, --mlflow and --out")
        from .guard import hold  # loads what only runs of kernels need

        return hold(call.against, call.tolerance)
    if not call.folders and call.mlflow is None:
        raise UserError("compare: it needs the folder of a study or a sweep, or --mlflow QUERY")
    if call.uri is not None and call.mlflow is None:
        raise UserError("compare: --uri says where --mlflow QUERY looks")
    for folder in call.folders:
        if not folder.is_dir():
            raise UserError(f"there is no folder {folder}")
    with tempfile.TemporaryDirectory() as fetched:
        folders = [*call.folders, *([] if call.mlflow is None else _queried(call.mlflow, call.uri, Path(fetched)))]
        begun = {study.resolve(): study for folder in folders for study in study_folders(folder)}
        found = read_all(begun.values())
    if not found.studies:
        raise UserError(f"no study has ended in {', '.join(map(str, folders))}")
    show(found, call.out or next(iter(call.folders), Path()))
    return 0


def _queried(query: str, uri: str | None, into: Path) -> Sequence[Path]:
    from ..tracker.query import fetch  # loads MLflow

    return fetch(query, uri, into)


def show(found: Found, out: Path) -> None:
    """Compare studies: tables on the terminal, and all there is to see in the folder `out`."""
    studies = without_copies(found.studies)
    notes = list(found.notes)
    if copies := len(found.studies) - len(studies):
        notes.append(f"{copies} {'study is a copy' if copies == 1 else 'studies are copies'} of others, trial by trial")
    compared = compare(studies, np.random.default_rng(0))
    compared = replace(compared, notes=[*notes, *compared.notes])
    try:
        write(compared, studies, out)
    except OSError as error:
        raise UserError(f"cannot write the comparison to {out}: {error.strerror}") from error
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = FILE_WIDTH
    console.print(tables.methods(compared).rich(console.width))
    if compared.pairs:
        console.print(tables.pairs(compared).rich(console.width))
    for line in (*verdict(compared), *compared.notes):
        console.print(line, soft_wrap=True)
    console.print(f"comparison: {out / PAGE}", soft_wrap=True)


def _parser() -> Parser:
    hint = "its arguments are DIR..., --mlflow QUERY [--uri URI] and --out DIR, or --against RECORD"
    parser = Parser("compare", hint)
    parser.add_argument("folders", nargs="*", type=Path, metavar="DIR")
    parser.add_argument("--mlflow", metavar="QUERY", help="studies whose runs it finds, in MLflow's own words")
    parser.add_argument("--uri", help="of the MLflow store; outputs/mlflow.db by default")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write; the first DIR, or here, by default")
    parser.add_argument("--against", type=Path, metavar="RECORD", help="a study's folder, or its best/record.json")
    parser.add_argument("--tolerance", type=float, default=0.05, metavar="SHARE", help="slower than this fails; 0.05")
    return parser
