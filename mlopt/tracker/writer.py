"""The helper process of `mlflow.py`: writes the study in a folder to MLflow, as it is told or as its files say.

A line of standard input is a JSON list of objects, made in `mlflow.py`: one for each trial, and at last how the study
ended. Where that is missing, because the study was killed or ended long ago, its files are read instead: so without any
input, this sends what has not been sent. On trouble, standard output says what it was.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..core.record import read_log
from .mirror import Mirror, locked, message, moment, status

if TYPE_CHECKING:
    from .run import Run

CONNECT_SECONDS = 3.0
PORTS = {"http": 80, "https": 443}


def main() -> None:
    os.nice(10)  # the kernels being timed come first
    try:
        folder = Path(sys.argv[1])
        with locked(folder):
            _mirror(folder, sys.stdin)
    except Exception as error:
        print(f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
        sys.exit(1)


def _mirror(folder: Path, lines: Iterable[str]) -> None:
    """Write the study to the store until it is over."""
    known = Mirror.read(folder)
    assert known is not None  # `mlflow.py` has written it
    check_reachable(known.uri)
    from .run import Run  # here, so that a missing or broken MLflow is reported like any other trouble

    run = Run(known, folder)
    progress = _Progress(run, known, folder)
    for batch in map(json.loads, lines):
        end = batch.pop() if "status" in batch[-1] else None
        progress.add(batch)
        if end is not None:
            return progress.end(end)
    trials, result = folder / "trials.jsonl", folder / "result.json"
    told = [message(trial) for trial in read_log(trials, cut_short=True)] if trials.exists() else []
    found = json.loads(result.read_bytes()) if result.exists() else None
    progress.add(told[progress.received :])
    progress.end({"status": status(found) if found else "KILLED", "result": found, "time": _ended(found, told)})


def _ended(result: Mapping[str, Any] | None, trials: Sequence[Mapping[str, Any]]) -> float:
    """When a study ended that left this: in seconds since 1970; at its last trial where its result does not say."""
    if result is not None and "finished" in result:
        return moment(result["finished"])
    return max((float(trial["time"]) for trial in trials), default=time.time())


class _Progress:
    """Sends what has not been sent, and notes that in the study's folder."""

    def __init__(self, run: Run, known: Mirror, folder: Path) -> None:
        self.received = 0
        """Trials, sent earlier or not."""
        self._run, self._known, self._folder = run, known, folder

    def add(self, trials: list[dict[str, Any]]) -> None:
        """The next trials, in the order of the log."""
        old = max(0, self._known.sent - self.received)
        self._run.count(trials[:old])
        self._run.add(trials[old:])
        self.received += len(trials)
        self._known.sent = max(self._known.sent, self.received)
        self._known.write(self._folder)

    def end(self, end: Mapping[str, Any]) -> None:
        self._run.close(end)
        self._known.status = end["status"]
        self._known.write(self._folder)


def check_reachable(uri: str) -> None:
    """Raise OSError soon where no server listens at `uri`; MLflow itself would try for minutes."""
    address = urlsplit(uri)
    if address.scheme in PORTS and address.hostname:
        port = address.port or PORTS[address.scheme]
        try:
            socket.create_connection((address.hostname, port), CONNECT_SECONDS).close()
        except OSError as error:
            raise OSError(f"no server answers at {address.hostname}:{port}: {error}") from None


if __name__ == "__main__":
    main()
