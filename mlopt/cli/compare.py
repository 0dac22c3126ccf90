"""`mlopt compare DIR...`: which search is better, by how much, and how sure that is."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from omegaconf import OmegaConf
from pydantic import BaseModel, FiniteFloat, ValidationError
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .. import result
from ..compare.methods import Methods, Pair, compare
from ..compare.record import StudyRecord
from ..core.errors import UserError
from ..core.record import read_log, reason
from ..trial_log import TrialLog

NAME = "compare.json"
CONFIG = Path(".hydra", "config.yaml")
FILE_WIDTH = 200
"""Characters of a line where the table goes to a file."""


class _Best(BaseModel):
    seconds: FiniteFloat | None = None
    cost: FiniteFloat | None = None


class _Result(BaseModel):
    """What a comparison reads of `result.json`."""

    search: str
    seed: int
    workload: dict[str, Any]
    backend: str
    evaluator: str
    target: str | None = None
    inputs: str | None = None
    threads: int
    fingerprint: dict[str, Any]
    best: _Best | None
    interrupted: bool = False


def compare_folders(arguments: Sequence[str]) -> int:
    """Compare the studies in all folders given, print the table and write `compare.json`."""
    call = _parser().parse_args(list(arguments))
    for folder in call.folders:
        if not folder.is_dir():
            raise UserError(f"there is no folder {folder}")
    studies = [study for folder in call.folders for study in find(folder)]
    if not studies:
        raise UserError(f"no study has ended in {', '.join(map(str, call.folders))}")
    show(studies, call.out or call.folders[0])
    return 0


def show(studies: Sequence[StudyRecord], out: Path) -> None:
    """Compare `studies`: a table on the terminal, and `compare.json` in the folder `out`."""
    found = compare(studies, np.random.default_rng(0))
    out.mkdir(parents=True, exist_ok=True)
    (out / NAME).write_text(json.dumps(found.to_json(), indent=2, allow_nan=False) + "\n")
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = FILE_WIDTH
    console.print(_methods(found))
    if found.pairs:
        console.print(_pairs(found.pairs))
    for note in found.notes:
        console.print(note, soft_wrap=True)
    console.print(f"comparison: {out / NAME}", soft_wrap=True)


def find(folder: Path) -> list[StudyRecord]:
    """The studies in `folder` that have ended, itself or below it, by their paths. Raises UserError."""
    folders = sorted((file.parents[1] for file in folder.rglob(str(CONFIG))), key=by_number)
    return [study for study in map(read, folders) if study is not None]


def by_number(folder: Path) -> list[tuple[int, str]]:
    """A key that sorts folders by the numbers that are their names, 2 before 10."""
    return [(len(part), part) for part in folder.parts]


def read(folder: Path) -> StudyRecord | None:
    """The study in `folder`; None for one that has not ended. Raises UserError for what no study wrote."""
    file = folder / result.NAME
    if not file.exists():
        return None
    try:
        found = _Result.model_validate_json(file.read_bytes())
        trials = read_log(folder / TrialLog.NAME)
    except ValidationError as error:
        raise UserError(f"{file} is no study's result: {reason(error)}") from None
    except (OSError, UserError) as error:
        raise UserError(f"{folder / TrialLog.NAME}: {error}") from None
    if found.interrupted:
        return None
    config = _config(folder / CONFIG)
    # References such as ${seed} stay what they are: studies of one problem differ in what they lead to.
    settings = {key: config.get(key) for key in ("workload", "backend", "evaluator", "target")}
    names = {"backend": found.backend, "evaluator": found.evaluator, "target": found.target, "threads": found.threads}
    replayed = found.evaluator == "replay"
    return StudyRecord(
        folder=folder,
        search=found.search,
        settings=_mapping(config.get("search")),
        problem={"name": found.workload.get("name"), **names, "inputs": found.inputs, "settings": settings},
        seed=found.seed,
        budget=_mapping(config.get("budget")),
        machine={} if replayed else found.fingerprint,
        objectives=[trial.reached for trial in trials],
        cached=0 if replayed else sum(trial.cached for trial in trials),
        best=None if found.best is None else found.best.cost if found.best.seconds is None else found.best.seconds,
        table=Path(str(found.workload.get("path"))) if replayed else None,
    )


def _config(file: Path) -> Mapping[str, Any]:
    try:
        return _mapping(OmegaConf.to_container(OmegaConf.load(file), resolve=False))
    except Exception as error:  # whatever goes wrong in here is in the file
        raise UserError(f"cannot read {file}: {error}") from error


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _methods(found: Methods) -> Table:
    """A line a method, the best first."""
    table = _table("method", "studies", "score", "95 % interval", "best", "median best")
    for method in sorted(found.methods, key=lambda method: -np.inf if method.score is None else method.score)[::-1]:
        best = [value for value in method.best if value is not None]
        score = ("", "") if method.score is None or method.ci95 is None else (f"{method.score:.3f}", span(method.ci95))
        reached = (f"{min(best):.4g}", f"{np.median(best):.4g}") if best else ("", "")
        table.add_row(method.name, str(len(method.best)), *score, *reached)
    return table


def _pairs(pairs: Sequence[Pair]) -> Table:
    table = _table("better", "than", "by (score)", "95 % interval", "wins", "p", "p, Holm", "sure")
    for pair in pairs:
        a, b, sign = (pair.a, pair.b, 1.0) if (pair.effect or 0.0) >= 0 else (pair.b, pair.a, -1.0)
        if pair.effect is None or pair.ci95 is None or pair.superiority is None:
            table.add_row(a, b, *[""] * 5, f"not comparable: {'; '.join(pair.unfair)}")
            continue
        low, high = sorted(sign * end for end in pair.ci95)
        wins = pair.superiority if sign > 0 else 1.0 - pair.superiority
        sure = f"unfair: {'; '.join(pair.unfair)}" if pair.unfair else "yes" if pair.better else "no"
        numbers = f"{abs(pair.effect):.3f}", span((low, high)), f"{100 * wins:.0f} %", f"{pair.p:.4f}"
        table.add_row(a, b, *numbers, f"{pair.p_holm:.4f}", sure)
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(first, box=SIMPLE_HEAD)
    for name in others:
        table.add_column(name, justify="left" if name in ("than", "sure") else "right")
    return table


def span(interval: tuple[float, float]) -> str:
    """Both ends of an interval of scores."""
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"compare: {message}; its arguments are DIR... and --out DIR")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mlopt compare", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write; the first DIR by default")
    return parser
