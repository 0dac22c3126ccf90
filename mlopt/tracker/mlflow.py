"""The tracker that mirrors a study to MLflow, from a process of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from ..core.trial import Trial
from ..protocols import StudyInfo
from .store import environment, locate

FINISH_SECONDS = 30.0
"""How long the end of a study waits for its mirror; a healthy store takes a few seconds at most."""
BATCH_SECONDS = 3.0

logger = logging.getLogger(__name__)
Message = dict[str, Any]


class Mlflow:
    """Mirrors a study as one MLflow run; the store may fail in any way without harm to the study.

    `uri` is an MLflow tracking URI (None: see `store.locate`), `experiment` the name of the MLflow experiment.

    MLflow lives in a helper process (`writer.py`), because it takes seconds of CPU time and 200 MB to load, which
    would hold up the study's thread and the kernels being timed. A thread here feeds the helper in batches. When the
    study is killed, the helper notices and closes the run.
    """

    def __init__(self, uri: str | None = None, experiment: str = "mlopt") -> None:
        self._uri = uri
        self._experiment = experiment
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._writer: subprocess.Popen[bytes] | None = None
        self._feeder: threading.Thread | None = None

    def start(self, info: StudyInfo) -> None:
        store = locate(self._uri)
        study = {
            "uri": store.uri,
            "database": str(store.database) if store.database else None,
            "artifacts": str(store.artifacts) if store.artifacts else None,
            "experiment": self._experiment,
            "name": info.name,
            "directory": str(info.directory.absolute()),
            "config": info.config,
            "tags": info.tags,
        }
        self._writer = subprocess.Popen(
            [sys.executable, "-P", "-m", "mlopt.tracker.writer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            process_group=0,  # Ctrl-C is for the study, which then tells the writer how it ended
        )
        self._feeder = threading.Thread(target=_feed, args=(self._writer, study, self._messages), daemon=True)
        self._feeder.start()

    def baseline(self, name: str, seconds: float) -> None:
        """Left out: the result has the baselines that count."""

    def note(self, text: str) -> None:
        """Left out: it is for who looks on."""

    def log(self, trial: Trial) -> None:
        if self._feeder is not None and self._feeder.is_alive():
            self._messages.put(
                {
                    "trial": trial.trial,
                    "ok": trial.ok,
                    "seconds": trial.seconds,
                    "cost": trial.metrics.get("cost"),
                    "compile_seconds": trial.compile_seconds,
                    "time": time.time(),
                }
            )

    def finish(self, result: Mapping[str, Any] | None) -> None:
        if self._feeder is None or self._writer is None:
            return
        self._messages.put({"status": _status(result), "result": result})
        try:
            self._feeder.join(FINISH_SECONDS)
        finally:
            self._writer.kill()  # nothing happens if it has ended
        self._feeder.join(1.0)


def _status(result: Mapping[str, Any] | None) -> str:
    """MLflow's word for how a study ended."""
    if result is None:
        return "FAILED"
    return "KILLED" if result.get("interrupted") else "FINISHED"


def _feed(writer: subprocess.Popen[bytes], study: Message, messages: queue.SimpleQueue[Message]) -> None:
    """Pass everything on to the writer until the study's end or its own, and warn of trouble once."""
    assert writer.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # then the writer has said why
        batch = [study]
        while True:
            writer.stdin.write(json.dumps(batch, default=str).encode() + b"\n")
            writer.stdin.flush()
            if "status" in batch[-1]:
                break
            batch = _gather(messages)
    output, _ = writer.communicate()
    reasons = {0: "", -9: f"killed, for want of memory or of an end within {FINISH_SECONDS:g} s"}
    trouble = output.decode().strip() or reasons.get(writer.returncode, f"exit code {writer.returncode}")
    if trouble:
        logger.warning("this study is not fully mirrored to MLflow (its trials.jsonl is complete): %s", trouble)


def _gather(messages: queue.SimpleQueue[Message]) -> list[Message]:
    """The messages of the next BATCH_SECONDS, at least one; how the study ended is always the last one of its batch."""
    batch = [messages.get()]
    deadline = time.monotonic() + BATCH_SECONDS
    with contextlib.suppress(queue.Empty):
        while "status" not in batch[-1]:
            batch.append(messages.get(timeout=max(0.0, deadline - time.monotonic())))
    return batch
