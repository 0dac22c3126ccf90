"""One study of a sweep, in a process of its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra.core.utils import run_job
from hydra.types import HydraContext
from omegaconf import DictConfig

from ...core.trial import Trial
from ...protocols import StudyInfo

REPORT_SECONDS = 0.25
"""How often a study tells how far it is."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a sweep knows of a study."""

    number: int
    name: str
    """The words in which it differs from the others."""
    config: DictConfig
    """Composed, Hydra's own part included."""
    directory: Path
    cores: int
    """Of this machine, that it takes."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a study ended: its exit code, and one line about it if it did not end well."""

    code: int
    message: str = ""


class Part:
    """The tracker by which a study tells its sweep what it would tell the user."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._trials = 0
        self._told = 0.0
        self.message = ""

    def complain(self, message: object) -> None:
        self.message = " ".join(str(message).split())

    def start(self, info: StudyInfo) -> None:
        pass

    def baseline(self, name: str, seconds: float) -> None:
        """Left out."""

    def note(self, text: str) -> None:
        """Left out: the study's own log has it."""

    def log(self, trial: Trial) -> None:
        self._trials += 1
        if time.monotonic() - self._told >= REPORT_SECONDS:
            self._told = time.monotonic()
            self._connection.send(self._trials)

    def finish(self, result: Mapping[str, Any] | None) -> None:
        """Left to the sweep."""


class Process:
    """A study's process, and the connection over which it sends its number of trials, and at last how it `Ended`."""

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self.job = job
        self.connection, theirs = context.Pipe()
        with theirs:
            self._process = context.Process(target=_main, args=(theirs, job.config), name=job.name)
            self._process.start()

    def receive(self) -> int | Ended:
        """What it sends next; a process that died without a word has ended, too."""
        try:
            message: int | Ended = self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            message = Ended(1, f"its process died ({self._process.exitcode}); see {self.job.directory / 'mlopt.log'}")
        if isinstance(message, Ended):
            self._process.join()
            self.connection.close()
        return message

    def interrupt(self) -> None:
        """Let it end as by Ctrl-C: with the best so far written."""
        try:
            self.connection.send(None)
        except OSError:  # it has ended, and `receive` will tell
            return


def _main(connection: Connection, config: DictConfig) -> None:
    os.setpgid(0, 0)  # Ctrl-C is for the sweep, which then decides
    threading.Thread(target=_obey, args=(connection,), daemon=True).start()
    part = Part(connection)
    try:
        code = _run(config, part)
    except KeyboardInterrupt:
        code = 130
    connection.send(Ended(code, part.message))


def _obey(connection: Connection) -> None:
    """Interrupt this process when the sweep says so, or is no more."""
    with contextlib.suppress(EOFError, OSError):
        connection.recv()
    os.kill(os.getpid(), signal.SIGINT)


def _run(config: DictConfig, part: Part) -> int:
    from ..compose import hydra_session
    from ..run import job

    with hydra_session() as hydra:
        done = run_job(
            hydra_context=HydraContext(hydra.config_loader, Callbacks(config)),
            task_function=lambda study: job(study, part),
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
    code: int = done.return_value
    return code
