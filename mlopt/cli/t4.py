"""`mlopt t4 DIR`: a study's trials as a T4 file, for the tools of others."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

from ..backend.recorded import t4
from ..backend.recorded.record import read
from ..core.errors import UserError
from ..core.trial import Trial
from ..trial_log import TrialLog
from .parser import Parser


def write_t4(arguments: list[str]) -> int:
    """Write the T4 file of a study's folder. Raises UserError where there is no study, or no place for the file."""
    call = _parser().parse_args(arguments)
    log = call.directory / TrialLog.NAME
    target = call.to or call.directory / "t4.json"
    if not log.exists():
        raise UserError(f"{call.directory} is no study: it holds no {TrialLog.NAME}")
    try:
        trials = read(log)
    except UserError as error:
        raise UserError(f"{log}: {error}") from None
    save(trials, target)
    print(target)
    return 0


def save(trials: Iterable[Trial], target: Path) -> None:
    """Write the T4 file, compressed if its name ends in `.gz`. Raises UserError."""
    text = (json.dumps(t4.document(trials), allow_nan=False) + "\n").encode()
    try:
        target.write_bytes(gzip.compress(text) if target.suffix == ".gz" else text)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}") from None


def _parser() -> Parser:
    parser = Parser("t4", "call it as mlopt t4 DIR [--to FILE]")
    parser.add_argument("directory", metavar="DIR", type=Path)
    parser.add_argument("--to", metavar="FILE", type=Path, help="by default DIR/t4.json; compressed if it ends in .gz")
    return parser
