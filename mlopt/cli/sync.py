"""`mlopt sync DIR...`: send to MLflow what could not be sent while a study ran."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ..compare.reading import by_number
from ..compare.writing import FILES, SUMMARY
from ..core.errors import UserError
from ..report.writing import PAGE as REPORT
from ..tracker.mirror import NAME, Mirror
from ..tracker.mlflow import writer
from ..tracker.pages import attach
from ..trial_log import TrialLog
from .parser import Parser


def sync(arguments: list[str]) -> int:
    """Send what is missing of the studies in these folders, sweeps among them; 0. Raises UserError for trouble."""
    parser = Parser("sync", "call it as mlopt sync DIR...")
    parser.add_argument("folders", metavar="DIR", nargs="+", type=Path)
    for folder in parser.parse_args(arguments).folders:
        for study in _studies(folder):
            _send(study)
        _send_pages(folder)
    return 0


def _studies(folder: Path) -> list[Path]:
    """The mirrored studies in `folder`: itself, or those below it."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}")
    if (folder / TrialLog.NAME).exists() and (folder / NAME).exists():
        return [folder]
    found = [file.parent for file in folder.glob(f"*/{NAME}")]
    if not found:
        raise UserError(f"{folder} holds no study that is mirrored to MLflow")
    return sorted(found, key=by_number)


def _send(study: Path) -> None:
    before = Mirror.read(study)
    with writer(study, subprocess.DEVNULL) as helper:
        output, _ = helper.communicate()
    if helper.returncode:
        raise UserError(f"{study}: {output.decode().strip() or f'exit code {helper.returncode}'}")
    after = Mirror.read(study)
    assert before is not None
    assert after is not None
    print(f"{study}: {after.sent - before.sent} trials sent, {after.sent} in all, {after.status.lower()}")


def _send_pages(folder: Path) -> None:
    """The comparison of a sweep, or the report of a study."""
    if (folder / TrialLog.NAME).exists():
        helper = attach(folder, [REPORT])
    else:
        helper = attach(folder, FILES, SUMMARY if (folder / SUMMARY).exists() else "")
    if helper is not None:
        output, _ = helper.communicate()
        if helper.returncode:
            raise UserError(f"{folder}: {output.decode().strip() or f'exit code {helper.returncode}'}")
