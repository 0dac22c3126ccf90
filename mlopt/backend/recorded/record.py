"""Records of measurements as files, which may come from anywhere."""

from __future__ import annotations

from pathlib import Path

from ...core import record
from ...core.errors import UserError
from ...core.judged import read_judged
from ...core.trial import Trial
from . import t4


def read(path: Path) -> list[Trial]:
    """The trials of a study's log (`.jsonl`) or of a T4 file (`.json`), either of them also with `.gz`.

    Raises UserError, in one line, for whatever is neither.
    """
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if not path.is_file() or kind not in (".json", ".jsonl"):
        raise UserError("a record is a T4 file (.json or .json.gz) or the trials.jsonl of a study")
    trials = t4.read(record.content(path)) if kind == ".json" else read_judged(path)
    if not trials:
        raise UserError("it holds no configuration")
    return trials
