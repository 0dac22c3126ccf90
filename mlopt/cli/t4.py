"""`mlopt t4 DIR`: a study's trials as a T4 file, for the tools of others."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..backend.recorded.document import document
from ..core.errors import UserError
from ..core.judged import read_judged
from ..core.trial import Trial
from ..result import NAME
from ..trial_log import TrialLog
from .parser import Parser
from .study_folder import read_result


def write_t4(arguments: list[str]) -> int:
    """Write the T4 file of a study's folder. Raises UserError where there is no study, or no place for the file."""
    call = _parser().parse_args(arguments)
    log = call.directory / TrialLog.NAME
    target = call.to or call.directory / "t4.json"
    if not log.exists():
        raise UserError(f"{call.directory} is no study: it holds no {TrialLog.NAME}")
    try:
        trials = read_judged(log, cut_short=True)  # as of a study that was killed
    except UserError as error:
        raise UserError(f"{log}: {error}") from None
    save(trials, target, _provenance(call.directory / NAME, trials))
    print(target)
    return 0


def save(trials: Iterable[Trial], target: Path, provenance: Mapping[str, Any] | None = None) -> None:
    """Write the T4 file, compressed if its name ends in `.gz`. Raises UserError."""
    text = (json.dumps(document(trials, provenance), allow_nan=False) + "\n").encode()
    try:
        target.write_bytes(gzip.compress(text) if target.suffix == ".gz" else text)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}") from None


def _provenance(file: Path, trials: Sequence[Trial]) -> Mapping[str, Any] | None:
    """When, on which machine and devices it was measured; None where nothing was, or nobody has said so yet."""
    if not file.exists() or not (found := read_result(file)).executed:
        return None
    date = max((trial.finished for trial in trials), default="")
    return {"date": date, "machine": found.fingerprint, "devices": found.devices}


def _parser() -> Parser:
    parser = Parser("t4", "call it as mlopt t4 DIR [--to FILE]")
    parser.add_argument("directory", metavar="DIR", type=Path)
    parser.add_argument("--to", metavar="FILE", type=Path, help="by default DIR/t4.json; compressed if it ends in .gz")
    return parser
