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
from pathlib import Path
from typing import Any

from ..core.trial import Trial
from ..protocols import StudyInfo
from .mirror import Mirror, message, status
from .store import environment, locate
from .view import EXPERIMENT

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
    study is killed, the helper notices and closes the run. What could not be sent is known from the study's files
    (`mirror.py`): a study that is gone on with goes on with its run, and `mlopt sync` sends the rest.
    """

    def __init__(self, uri: str | None = None, experiment: str = EXPERIMENT) -> None:
        self._uri = uri
        self._experiment = experiment
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._feeder: threading.Thread | None = None
        self._warned = False

    def start(self, info: StudyInfo) -> None:
        """Raises UserError where nothing can be noted in the study's folder."""
        mirror = Mirror(
            uri=locate(self._uri).uri,
            experiment=self._experiment,
            name=info.name,
            sweep=str(info.sweep.absolute()) if info.sweep else None,
            config=json.loads(json.dumps(info.config, default=str)),
            tags=dict(info.tags),
            started=time.time(),
        )
        earlier = Mirror.read(info.directory)
        if earlier is None or (earlier.uri, earlier.experiment) != (mirror.uri, mirror.experiment):
            mirror.write(info.directory)
        self._directory = info.directory
        for trial in info.trials:
            self._messages.put(message(trial))
        helper = writer(info.directory, subprocess.PIPE)
        self._feeder = threading.Thread(target=self._feed, args=(helper,), daemon=True)
        self._feeder.start()

    def baseline(self, name: str, seconds: float) -> None:
        """Left out: the result has the baselines that count."""

    def note(self, text: str) -> None:
        """Left out: it is for who looks on."""

    def log(self, trial: Trial) -> None:
        if self._feeder is not None and self._feeder.is_alive():
            self._messages.put(message(trial))

    def finish(self, result: Mapping[str, Any] | None) -> None:
        """Waits for a healthy store; one that takes long is left to itself, and one that fails is not waited for."""
        if self._feeder is None:
            return
        self._messages.put({"status": status(result), "result": result, "time": time.time()})
        self._feeder.join(FINISH_SECONDS)
        if self._feeder.is_alive():
            self._warn(f"not done within {FINISH_SECONDS:g} s, and goes on by itself")

    def _feed(self, writer: subprocess.Popen[bytes]) -> None:
        """Pass everything on to the writer until the study's end or its own, and warn of trouble."""
        assert writer.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # then the writer has said why
            batch: list[Message] = [{}]
            while "status" not in batch[-1]:
                batch = _gather(self._messages)
                writer.stdin.write(json.dumps(batch, default=str).encode() + b"\n")
                writer.stdin.flush()
        output, _ = writer.communicate()
        if writer.returncode:
            self._warn(output.decode().strip() or f"exit code {writer.returncode}")

    def _warn(self, trouble: str) -> None:
        """Once."""
        if not self._warned:
            self._warned = True
            logger.warning(
                "this study is not fully mirrored to MLflow (its trials.jsonl is complete): %s; "
                "mlopt sync %s sends what is missing",
                trouble,
                self._directory,
            )


def writer(folder: Path, stdin: int) -> subprocess.Popen[bytes]:
    """The helper process for the study in `folder`; with nothing to read it sends what its files hold."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "mlopt.tracker.writer", str(folder.absolute())],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        process_group=0,  # Ctrl-C is for the study, which then tells the writer how it ended
    )


def _gather(messages: queue.SimpleQueue[Message]) -> list[Message]:
    """The messages of the next BATCH_SECONDS, at least one; how the study ended is always the last one of its batch."""
    batch = [messages.get()]
    deadline = time.monotonic() + BATCH_SECONDS
    with contextlib.suppress(queue.Empty):
        while "status" not in batch[-1]:
            batch.append(messages.get(timeout=max(0.0, deadline - time.monotonic())))
    return batch
