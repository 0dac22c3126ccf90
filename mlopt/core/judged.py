"""A study's trials as its finals left them: what was found wrong there has no time, whatever its trial had."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from .errors import Tampered, UserError, WrongResult
from .trial import Trial

LOG, RESULT = "trials.jsonl", "result.json"
"""A study's files: how its trials ended, and at its end what the finals made of them."""

_FINALIST = re.compile(r"trial (\d{1,18})", re.ASCII)
_WRONG = tuple(f"{kind.__name__}: " for kind in (WrongResult, Tampered))
"""How a result begins to say of a finalist that what it computed was wrong; others were lost by accident."""


def finalist(number: int) -> str:
    """What a trial is called in the finals, and in what a result says of them."""
    return f"trial {number}"


def refuted(lost: Mapping[str, str]) -> dict[int, str]:
    """Of the finalists that a result calls `lost`, the numbers of those that were found wrong, each with the reason."""
    names = ((_FINALIST.fullmatch(name), reason) for name, reason in lost.items() if reason.startswith(_WRONG))
    return {int(name[1]): reason for name, reason in names if name is not None}


def refuted_in_words(lost: Mapping[str, str]) -> str:
    """Whom the finals found wrong, for people: `found wrong in the finals: trials 3, 7`; empty where that is nobody."""
    numbers = sorted(refuted(lost))
    several = "s" if len(numbers) > 1 else ""
    return f"found wrong in the finals: trial{several} {', '.join(map(str, numbers))}" if numbers else ""


def judged(trials: Iterable[Trial], lost: Mapping[str, str]) -> list[Trial]:
    """The trials, of which those that the finals found wrong are failures without a number."""
    wrong = refuted(lost)
    return [trial.refuted(wrong[trial.trial]) if trial.trial in wrong else trial for trial in trials]


def read_judged(log: Path, cut_short: bool = False) -> list[Trial]:
    """As `record.read_log`, with what the study's result beside its log says of its finals, once there is one."""
    from . import record  # loads pydantic

    trials, result = record.read_log(log, cut_short), log.with_name(RESULT)
    if log.name != LOG or not result.is_file():
        return trials
    try:
        return judged(trials, record.read_lost(result))
    except UserError as error:
        raise UserError(f"{RESULT} beside it: {error}") from None
