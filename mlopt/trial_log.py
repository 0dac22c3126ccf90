"""`trials.jsonl`, the truth about a study."""

from __future__ import annotations

import json
from pathlib import Path

from .core.trial import Trial


class TrialLog:
    """Appends a line a trial, in order of completion, each flushed at once."""

    NAME = "trials.jsonl"

    def __init__(self, directory: Path) -> None:
        self._file = (directory / self.NAME).open("a", encoding="utf-8")

    def append(self, trial: Trial) -> None:
        self._file.write(json.dumps(trial.to_json(), allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()
