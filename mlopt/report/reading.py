"""A study's folder, read for its report; nothing in it is trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, FiniteFloat, PositiveFloat, StrictBool, StrictInt

from .. import result
from ..compare.reading import CONFIG, by_number, read_files
from ..core.errors import UserError
from ..core.judged import judged
from ..core.record import Values, read_log
from ..core.trial import Trial

LONGEST = 400_000
"""Characters of an exported text that a page shows."""
BEFORE, SCHEDULE, AFTER = "payload.mlir", "schedule.mlir", "optimized.mlir"
KERNEL = "kernel.py"
"""What a study of Triton exports."""
GIVEN = "given.py"
"""What that was before it was rewritten."""
TEXTS = (BEFORE, GIVEN, KERNEL, SCHEDULE, AFTER)


class Timed(BaseModel):
    """A time or a cost, with its 95 % interval; or why there is none."""

    seconds: PositiveFloat | None = None
    cost: FiniteFloat | None = None
    ci95: tuple[FiniteFloat, FiniteFloat] | None = None
    skipped: str = ""

    @property
    def value(self) -> float | None:
        """Seconds, or cost where there are none."""
        return self.cost if self.seconds is None else self.seconds


class Best(Timed):
    """The best schedule."""

    trial: StrictInt
    schedule: Values


class Result(BaseModel):
    """What a report reads of `result.json`."""

    workload: dict[str, Any]
    backend: str
    search: str
    evaluator: str
    seed: int
    threads: int
    best: Best | None
    baselines: dict[str, Timed] = {}
    speedup: dict[str, PositiveFloat] = {}
    counts: dict[str, int] = {}
    wall_seconds: FiniteFloat
    fingerprint: dict[str, Any] = {}
    devices: list[dict[str, Any]] = []
    executed: StrictInt = 0
    lost: dict[str, str] = {}
    interrupted: StrictBool = False
    caveat: str = ""


@dataclass(frozen=True, slots=True)
class StudyRead:
    """What a study's folder holds."""

    folder: Path
    result: Result
    trials: Sequence[Trial]
    """In order of completion."""
    texts: Mapping[str, str]
    """The exported IR by name, cut where it is too long for a page."""

    @property
    def unit(self) -> str:
        """Of objectives: seconds, or '' for costs."""
        return "" if self.result.best is not None and self.result.best.cost is not None else "s"


def read(folder: Path) -> StudyRead:
    """The study in `folder`. Raises UserError where none is, or none that has ended."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}")
    if not (folder / result.NAME).exists():
        raise UserError(_no_study(folder))
    found, trials = read_files(folder, Result, read_log)
    return StudyRead(folder, found, judged(trials, found.lost), {name: _text(folder / "best" / name) for name in TEXTS})


def _no_study(folder: Path) -> str:
    """Why there is nothing to report, and what is there instead."""
    if (folder / CONFIG).is_file():
        return f"the study in {folder} has not ended; mlopt resume={folder} goes on with it"
    studies = sorted((file.parents[1] for file in folder.glob(f"*/{CONFIG}")), key=by_number)
    if not studies:
        return f"{folder} is no study's folder: it has no {result.NAME}"
    which = f"{studies[0]} to {studies[-1]}" if len(studies) > 1 else str(studies[0])
    return f"a report explains one study, and {folder} holds {which}; mlopt compare {folder} compares them"


def _text(file: Path) -> str:
    try:
        with file.open(errors="replace") as opened:
            text = opened.read(LONGEST + 1)
    except OSError:
        return ""
    return f"{text[:LONGEST]}\n… the rest is in {file}" if len(text) > LONGEST else text
