"""`mlopt report DIR`: one study explained, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from ..core.errors import UserError
from ..report.reading import read
from ..report.stability import MOST, Neighbour, neighbours, tried
from ..report.writing import PAGE, verdict, write
from ..tracker.pages import attach
from ..waiting import Waiting
from .console import open_console
from .errors import complain
from .parser import Parser

STABILITY = "report.stability="


def report(arguments: Sequence[str]) -> int:
    """Write the page of the study in a folder, and say in a few lines what it says."""
    words = [word for word in arguments if word.startswith(STABILITY)]
    call = _parser().parse_args([word for word in arguments if word not in words])
    study = read(call.folder)
    beside = _beside(call.folder) if words and _truth(words[-1]) else []
    page = (call.out or call.folder) / PAGE
    try:
        write(study, page, beside)
    except OSError as error:
        raise UserError(f"cannot write {page}: {error.strerror}") from error
    if call.out is None:
        attach(call.folder, [PAGE])
    for sentence in verdict(study):
        print(sentence)
    print(f"report: {page}")
    return 0


def _truth(word: str) -> bool:
    value = word.removeprefix(STABILITY).lower()
    if value not in ("true", "false"):
        raise UserError(f"{word}: it is true or false")
    return value == "true"


def _beside(folder: Path) -> list[Neighbour]:
    """What becomes of the study's best schedule on neighbouring workloads."""
    from .instantiate import build, constructor  # loads what only runs of kernels need
    from .study_folder import load
    from .study_folder import read as read_whole

    whole = read_whole(folder)
    if not whole.result.executed:
        raise UserError(f"{folder}: {STABILITY}true measures, and this study measured nothing")
    keys: Any = OmegaConf.to_container(load(folder).workload, resolve=True)
    found: list[Neighbour] = []
    with Waiting(complain):
        for name, other in neighbours(keys, constructor("workload", keys)):
            if len(found) == MOST:
                break
            try:
                workload = build("workload", other)
            except UserError:  # there is none of that size
                continue
            with open_console().status(f"measuring on {name}"):
                inputs = whole.result.inputs or "warm"
                found.append(tried(name, workload, whole.backend, whole.best.schedule, inputs))
    return found


def _parser() -> Parser:
    parser = Parser("report", "its arguments are DIR, --out DIR and report.stability=true")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write; DIR by default")
    return parser
