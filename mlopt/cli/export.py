"""`mlopt export DIR`: a study's best kernel as a library for C and Python, and the files of `best/`."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .. import __version__, result
from ..core.errors import CompileError, InvalidSchedule, UserError, WrongResult
from ..core.fingerprint import CPU, fingerprint
from ..core.schedule import Schedule
from ..core.trial import WorkerLost
from ..executor.worker import Worker
from ..library import WriteLibrary
from ..protocols import LibraryBackend
from ..waiting import Waiting
from .errors import complain, one_line
from .parser import Parser
from .study_folder import StudyFolder, read

DEADLINE_SECONDS = 600.0
FOLDER = "export"
"""Where a study's library goes, in its folder."""
MANIFEST = "export.json"
"""Lists an export's files, for the next one to replace."""


def export(arguments: list[str]) -> int:
    """Write the library of the study in DIR; 0, or 1 where its kernel does not come out right on this machine.

    Raises UserError where there is no study with a valid schedule, or where nothing can be written.
    """
    call = _parser().parse_args(arguments)
    folder, target = Path(call.study), Path(call.to or Path(call.study, FOLDER))
    try:
        with Waiting(complain):
            notes = publish(folder, target, call.name)
    except (CompileError, WrongResult, WorkerLost) as error:
        complain(f"nothing is written, since the kernel does not come out right: {error}")
        return 1
    for note in notes:
        complain(note)
    print(f"{target}: {', '.join(sorted(file.name for file in target.iterdir()))}")
    return 0


def publish(folder: Path, target: Path, name: str | None = None) -> list[str]:
    """Write the library of the study in `folder` to `target`, under `name` if one is given; notes for the user.

    Raises UserError where there is no study with a valid schedule, or where nothing can be written; CompileError,
    WrongResult or WorkerLost where the kernel does not come out right, and then nothing is written.
    """
    study = read(folder)
    if not isinstance(study.backend, LibraryBackend):
        raise UserError(f"{type(study.backend).__name__} makes no libraries; all that it exports is {folder / 'best'}")
    _check_free(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as made:
            notes = list(_make(study, study.backend, name, Path(made)))
            _publish(Path(made), target)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error}") from error
    except InvalidSchedule as error:
        raise UserError(f"the best schedule of {folder} is none on this machine: {error}") from error
    if not is_here(study):
        notes.insert(0, f"{folder} was made on another CPU; this is compiled for the one here, whose time is not known")
    return notes


def _make(study: StudyFolder, backend: LibraryBackend, name: str | None, directory: Path) -> Sequence[str]:
    """Fill an empty directory; notes for the user. Compilers and kernels stay out of this process."""
    schedule = Schedule.of(study.best.schedule)
    work = WriteLibrary(study.workload, backend, schedule, name, _origin(study), directory)
    with contextlib.closing(Worker(backend.preload)) as worker:
        notes = worker.run(work, DEADLINE_SECONDS)
    result.complete_record(directory / "best", study.result.model_dump(exclude_unset=True))
    return notes


def _origin(study: StudyFolder) -> str:
    """Who made the library, and how long a call takes."""
    best, made = study.best, f"Made by mlopt {__version__}."
    if best.seconds is None:
        return f"{made} It was never timed."
    interval = "" if best.ci95 is None else f" (95 % interval {best.ci95[0]:.3g} to {best.ci95[1]:.3g})"
    cpu = one_line(study.result.fingerprint.get("cpu", "unknown CPU"))
    return f"{made} A call took {best.seconds:.3g} s{interval} on this CPU: {cpu}."


def is_here(study: StudyFolder) -> bool:
    """Whether the study ran on a CPU like this one."""
    here = fingerprint()
    return all(study.result.fingerprint.get(key) == here[key] for key in CPU)


def _check_free(target: Path) -> None:
    """Raise UserError if `target` holds anything, unless it is an earlier export, which is replaced."""
    if target.exists() and not target.is_dir():
        raise UserError(f"{target} is a file; name a folder with --to")
    files = sorted(file.name for file in target.iterdir()) if target.exists() else []
    if files and not _earlier(target):
        raise UserError(f"{target} holds other files, such as {files[0]}; choose another folder with --to")


def _publish(made: Path, target: Path) -> None:
    """Move all files into `target`, where each takes an older one's place at once, as that may be in use."""
    files = [str(file.relative_to(made)) for file in sorted(made.rglob("*")) if file.is_file()]
    stale = _earlier(target).difference(files)
    for name in files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).replace(target / name)
    for name in stale:
        (target / name).unlink(missing_ok=True)
    (target / MANIFEST).write_text(json.dumps({"made_by": f"mlopt {__version__}", "files": files}, indent=2) + "\n")


def _earlier(target: Path) -> set[str]:
    """The files that an earlier export wrote to `target`; none where there is no sound list of them."""
    try:
        files = set(map(str, json.loads((target / MANIFEST).read_text())["files"]))
    except (OSError, ValueError, LookupError, TypeError):
        return set()
    return {name for name in files if (target / name).resolve().is_relative_to(target.resolve())}


def _parser() -> Parser:
    parser = Parser("export", "it is called as mlopt export DIR [--to DIR] [--name NAME]")
    parser.add_argument("study", metavar="DIR")
    parser.add_argument("--to", metavar="DIR")
    parser.add_argument("--name", help="of the function and its files")
    return parser
