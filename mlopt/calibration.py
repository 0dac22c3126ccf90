"""What simulation is told of this machine, where it asks for that: the kept roofline, as it stands when a study begins.

A study that is gone on with is told the same again, from a file in its folder, whatever was measured since: else costs
before and after would not compare.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from . import roofline
from .core.errors import UserError
from .protocols import Backend, CalibratedEvaluator, Calibration, Evaluator, Roofline, TargetedBackend

NAME = "calibration.json"


def calibrated(evaluator: Evaluator, backend: Backend, directory: Path, resume: bool) -> Evaluator:
    """The evaluator of the study in `directory`; as it was given where it does not ask for
    that, or no roofline was kept when the study began.

    Raises UserError for a file that cannot be read or written.
    """
    native = isinstance(backend, TargetedBackend) and backend.native
    if not native or not isinstance(evaluator, CalibratedEvaluator) or not evaluator.measured:
        return evaluator
    file = directory / NAME
    if resume:
        known = roofline.read(file)
        if known is None and file.exists():
            raise UserError(f"{file} says of no roofline: what the costs of this study were told by is lost")
    else:
        known = roofline.kept(backend)
        _keep(file, known)
    return evaluator if known is None else evaluator.calibrated(Calibration(known, backend.thread_count))


def _keep(file: Path, known: Roofline | None) -> None:
    try:
        if known is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(json.dumps(asdict(known)) + "\n")
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}") from None
