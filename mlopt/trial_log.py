"""`trials.jsonl`, the truth about a study."""

from __future__ import annotations

import json
from pathlib import Path

from .core.errors import UserError
from .core.trial import Trial


class TrialLog:
    """Appends a line a trial, in order of completion, each flushed at once.

    Raises UserError where another study has left its log: two would not be told apart.
    """

    NAME = "trials.jsonl"

    def __init__(self, directory: Path) -> None:
        try:
            self._file = (directory / self.NAME).open("x", encoding="utf-8")
        except FileExistsError:
            raise UserError(f"{directory} holds a study already; choose another folder as hydra.run.dir") from None

    def append(self, trial: Trial) -> None:
        self._file.write(json.dumps(trial.to_json(), allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()
