"""`trials.jsonl`, the truth about a study."""

from __future__ import annotations

from pathlib import Path

from .core.errors import UserError
from .core.journal import Journal
from .core.judged import LOG
from .core.trial import Trial


class TrialLog:
    """Appends a line a trial, in order of completion. `trials` are those that were there before, in that order.

    Raises UserError where another study has left its log, two of which would not be told apart; when a study is gone
    on with (`resume`), for a log that none has written.
    """

    NAME = LOG

    def __init__(self, directory: Path, resume: bool = False) -> None:
        path = directory / self.NAME
        self._journal = Journal(path, resume)
        try:
            self.trials = _read(path)
            numbers = set[int]()
            for trial in self.trials:
                if trial.trial in numbers:
                    raise UserError(f"trial {trial.trial} is there twice")
                numbers.add(trial.trial)
        except UserError as error:
            self.close()
            raise UserError(f"{path}: {error}") from None

    def append(self, trial: Trial) -> None:
        self._journal.append(trial.to_json())

    def close(self) -> None:
        """May be called twice."""
        self._journal.close()


def _read(path: Path) -> list[Trial]:
    if not path.stat().st_size:
        return []
    from .core.record import read_log  # loads pydantic, which only a study that is gone on with has a use for

    return read_log(path)
