"""`mlopt report DIR`: one study explained, on one page."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ..core.errors import UserError
from ..report.reading import read
from ..report.writing import PAGE, verdict, write


def report(arguments: Sequence[str]) -> int:
    """Write the page of the study in a folder, and say in a few lines what it says."""
    call = _parser().parse_args(list(arguments))
    study = read(call.folder)
    page = (call.out or call.folder) / PAGE
    try:
        write(study, page)
    except OSError as error:
        raise UserError(f"cannot write {page}: {error.strerror}") from error
    for sentence in verdict(study):
        print(sentence)
    print(f"report: {page}")
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"report: {message}; its arguments are DIR and --out DIR")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mlopt report", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write; DIR by default")
    return parser
