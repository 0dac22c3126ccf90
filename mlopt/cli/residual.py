"""`mlopt residual DIR... --to FILE`: learn what simulated costs miss from the timed trials of studies.

In the place of a study's folder may stand an archive: a file, a URL, or `archive` for the one of the current folder.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
from tabulate import tabulate

from ..core.errors import UserError
from ..core.judged import read_judged
from ..evaluator.residual import Residual
from ..executor.worker import Worker
from ..residual.examples import Example, examples
from ..residual.learn import learn
from ..trial_log import TrialLog
from .export import is_here
from .instantiate import ARCHIVE
from .parser import Parser
from .study_folder import read


def residual(arguments: list[str]) -> int:
    """Write the file, and say how much better costs are with it. Raises UserError for what is nothing to learn from."""
    call = _parser().parse_args(arguments)
    learned = learn([each for place in call.places for each in _examples(place)], np.random.default_rng(call.seed))
    learned.write(call.to)
    print(_report(learned))
    print(call.to)
    return 0


def _examples(place: str) -> list[Example]:
    if place == ARCHIVE or "://" in place or Path(place).is_file():
        return _archived(None if place == ARCHIVE else place)
    return _of_study(Path(place))


def _archived(url: str | None) -> list[Example]:
    """What an archive has to teach, where it was measured on a CPU like this one."""
    from ..archive.store import Store  # loads SQLAlchemy
    from ..residual.archived import studies

    found: list[Example] = []
    with contextlib.closing(Store(url, create=False)) as store:
        for program, backend, trials in studies(store):
            with contextlib.closing(Worker(backend.preload)) as worker:
                found += examples(program, backend, trials, worker)
        if not found:
            raise UserError(f"archive {store.name} holds no trials of backend=mlir that were timed on a CPU like this")
    return found


def _of_study(folder: Path) -> list[Example]:
    """What a study's folder has to teach. Its configuration is code: it is built with what that names."""
    study = read(folder)
    if not is_here(study):
        raise UserError(f"{folder} was measured on another CPU: a residual is learned where it is used")
    try:
        with contextlib.closing(Worker(study.backend.preload)) as worker:
            return list(examples(study.workload, study.backend, read_judged(folder / TrialLog.NAME), worker))
    except UserError as error:
        raise UserError(f"{folder}: {error}") from None


def _report(learned: Residual) -> str:
    """Spearman's rho of cost and time: of each program, as learned from all others."""
    about = learned.training
    rows = [(program, trials, *about.rho.get(program, ())) for program, trials in about.programs.items()]
    headers = ["program", "trials", "rho simulated", "rho learned from the others"]
    return f"{about.target}, threads: {', '.join(map(str, about.threads))}\n" + tabulate(rows, headers, floatfmt=".2f")


def _parser() -> Parser:
    parser = Parser("residual", "call it as mlopt residual DIR... --to FILE")
    parser.add_argument("places", metavar="DIR", nargs="+")
    parser.add_argument("--to", metavar="FILE", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    return parser
