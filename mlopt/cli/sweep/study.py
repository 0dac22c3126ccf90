"""One study of a sweep, in a process of its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
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
from ..interruption import exit_code, in_words, sigterm_heeded

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
    executor: Any = None
    """What runs its trials, where that could be made out."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a study ended: its exit code, and one line about it if it did not end well."""

    code: int
    message: str = ""


class Part:
    """A study's end of the connection with its sweep: a tracker that tells it what it would tell the user.

    `executor_address` is where to join the executor that studies share, if they do.
    """

    def __init__(self, connection: Connection, shares: bool) -> None:
        self.executor_address: Future[str] | None = Future() if shares else None
        self._connection = connection
        self._trials = 0
        self._told = 0.0
        self.message = ""

    def listen(self) -> None:
        """Take what the sweep says, until it wants this process to end or is no more: then end it as by SIGTERM.

        Not by SIGINT, to which what a shell runs in the background is deaf.
        """
        with contextlib.suppress(EOFError, OSError):
            while (address := self._connection.recv()) is not None:
                assert self.executor_address is not None
                self.executor_address.set_result(address)
        os.kill(os.getpid(), signal.SIGTERM)

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
    """A study's process, and the connection over which it sends its number of trials, and at last how it `Ended`.

    It is told the `executor_address` as soon as that is known.
    """

    def __init__(self, job: Job, executor_address: Future[str] | None) -> None:
        context = multiprocessing.get_context("spawn")
        self.job = job
        self.connection, theirs = context.Pipe()
        with theirs:
            self._process = context.Process(
                target=_main, args=(theirs, job.config, executor_address is not None), name=job.name
            )
            self._process.start()
        if executor_address is not None:
            executor_address.add_done_callback(self._tell_address)

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
        self._send(None)

    def _tell_address(self, address: Future[str]) -> None:
        self._send("" if address.exception() else address.result())  # without one, a study starts its own

    def _send(self, message: str | None) -> None:
        with contextlib.suppress(OSError):  # it has ended, and `receive` will tell
            self.connection.send(message)


def _main(connection: Connection, config: DictConfig, shares: bool) -> None:
    os.setpgid(0, 0)  # Ctrl-C is for the sweep, which then decides
    part = Part(connection, shares)
    try:
        with sigterm_heeded():
            threading.Thread(target=part.listen, daemon=True).start()
            code = _run(config, part)
    except KeyboardInterrupt as error:
        code = exit_code(error)
        part.complain(in_words(error))
    with contextlib.suppress(OSError):  # the sweep was killed, and nobody listens
        connection.send(Ended(code, part.message))


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
