"""`mlopt archive`: what was ever measured, listed, thinned out, exported and joined."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..archive.context import Context
from ..archive.store import Held, Store
from ..archive.study import CONTEXT
from ..core.errors import UserError, printable
from ..core.judged import refuted
from ..core.record import content, read_log, read_lost
from ..result import NAME
from ..tracker.summary import duration
from ..trial_log import TrialLog
from .console import open_console, show_table
from .errors import complain, suggest
from .parser import Parser
from .t4 import save

SHOWN = 12
"""Digits of a context's hash."""


def archive(arguments: list[str]) -> int:
    """Do what `arguments` say; 0. Raises UserError where there is no archive, or nothing that was asked for."""
    call = _parser().parse_args(arguments)
    commands = {"list": _list, "prune": _prune, "export": _export, "merge": _merge}
    with closing(Store(call.url, create=call.command == "merge")) as store:
        commands[call.command](store, call)
    return 0


def _list(store: Store, call: argparse.Namespace) -> None:
    titles = ("context", "workload", "inputs", "backend", "evaluator", "threads", "cpu", "measurements", "best", "last")
    rows = []
    for held in _chosen(store, call.workload):
        known = held.context.known
        inputs = (f"{'x'.join(map(str, tensor.shape))}:{tensor.dtype}" for tensor in known.workload.inputs)
        cells = (
            held.context.digest[:SHOWN],
            known.workload.name,
            " ".join(inputs),
            _short(known.backend.name),
            _short(known.evaluator.name),
            str(known.threads),
            str(known.fingerprint.get("cpu", "")),
            str(held.measurements),
            "" if held.best is None else duration(held.best),
            held.latest,
        )
        rows.append([printable(cell) for cell in cells])
    show_table(open_console(), titles, rows)


def _prune(store: Store, call: argparse.Namespace) -> None:
    before = store.count()
    if call.older is not None:
        try:
            store.forget_before((datetime.now(UTC) - timedelta(days=call.older)).isoformat(timespec="milliseconds"))
        except OverflowError:
            raise UserError(f"--older {call.older:g}: there is no such day") from None
    if call.keep_best is not None:
        store.keep_best(call.keep_best)
    left = store.count()
    print(f"{before - left} measurements dropped, {left} left")


def _export(store: Store, call: argparse.Namespace) -> None:
    """T4 knows one program a file, and one measurement a configuration: here, the latest."""
    found = [held for held in _chosen(store, call.workload) if held.context.digest.startswith(call.context or "")]
    if len(found) != 1:
        raise UserError(
            f"{len(found)} contexts of the archive are meant, and a T4 file holds one: "
            "choose it with --context, as mlopt archive list shows it"
        )
    latest = {trial.schedule: trial for trial in reversed(list(store.trials(found[0].context)))}
    save(latest.values(), call.file)
    print(f"{call.file}: {len(latest)} configurations")


def _merge(store: Store, call: argparse.Namespace) -> None:
    before, refused = store.count(), 0
    for other in call.others:
        refused += _merge_study(store, Path(other)) if Path(other).is_dir() else _merge_archive(store, other)
    if refused:
        complain(f"{refused} measurements could not be read, and are left out")
    print(f"{store.count() - before} measurements added")


def _merge_archive(store: Store, url: str) -> int:
    with closing(Store(url, create=False)) as other:
        return store.merge(other)


def _merge_study(store: Store, folder: Path) -> int:
    """What an archive held of a study, from its folder: its trials, and which of them its finals found wrong."""
    with _of(folder / CONTEXT) as file:
        context = Context.read(content(file).decode(errors="replace"))
    with _of(folder / TrialLog.NAME) as file:
        trials = read_log(file, cut_short=True)
    with _of(folder / NAME) as file:
        lost = refuted(read_lost(file)) if file.exists() else {}
    end = max((trial.finished for trial in trials), default="")
    wrong = [replace(t.refuted(lost[t.trial]), finished=end) for t in trials if t.trial in lost]
    store.add(context, [*trials, *wrong])
    return 0


@contextmanager
def _of(file: Path) -> Iterator[Path]:
    """Says of which file an error is."""
    try:
        yield file
    except UserError as error:
        raise UserError(f"{file}: {error}") from None


def _chosen(store: Store, workload: str | None) -> list[Held]:
    held = store.contexts()
    names = {each.context.known.workload.name for each in held}
    if workload is not None and workload not in names:
        raise UserError(f"the archive holds nothing of workload '{workload}'{suggest(workload, names)}")
    return [each for each in held if workload in (None, each.context.known.workload.name)]


def _short(name: str) -> str:
    return name.rpartition(".")[2]


class _Parser(Parser):
    """Of the command, and of each of its own commands."""

    def __init__(self, **settings: Any) -> None:
        hint = (
            "call it as mlopt archive list [--workload NAME], prune --older DAYS | --keep-best N, "
            "export FILE.json[.gz] [--workload NAME] [--context ID] or merge OTHER..., each with [--url URL]"
        )
        super().__init__("archive", hint, **settings)


def _parser() -> Parser:
    parser = _Parser()
    commands = parser.add_subparsers(dest="command", required=True)
    every, one = _Parser(), _Parser()
    every.add_argument("--url", help="the archive, as archive.url of a study has it; or its path")
    one.add_argument("--workload", metavar="NAME")
    commands.add_parser("list", parents=[every, one])
    prune = commands.add_parser("prune", parents=[every]).add_mutually_exclusive_group(required=True)
    prune.add_argument("--older", metavar="DAYS", type=_at_least_zero(float))
    prune.add_argument("--keep-best", metavar="N", type=_at_least_zero(int))
    export = commands.add_parser("export", parents=[every, one])
    export.add_argument("file", metavar="FILE", type=Path)
    export.add_argument("--context", metavar="ID", help="the first digits of one")
    merge = commands.add_parser("merge", parents=[every])
    merge.add_argument("others", metavar="OTHER", nargs="+", help="an archive's path or URL, or a study's folder")
    return parser


def _at_least_zero(kind: type[float]) -> type[float]:
    def number(text: str) -> float:
        value = kind(text)
        if not value >= 0:
            raise ValueError
        return value

    number.__name__ = "number of at least 0"
    return number  # type: ignore[return-value]
