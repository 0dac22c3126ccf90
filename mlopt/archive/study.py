"""The archive as one study uses it: asked before a trial is run, told of every trial that was."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import UserError
from ..core.schedule import Schedule
from ..core.trial import Measurement, Trial
from ..protocols import Executor, IdentifiedBackend, IdentifiedEvaluator, StudyInfo, Workload
from ..runner import Outcome, TrialWork, now
from .address import address, canonical, context

if TYPE_CHECKING:
    from .context import Context
    from .store import Store

CONTEXT = "context.json"
"""In the study's folder: with `trials.jsonl` all that the archive holds of it."""
CODES = 4096
"""Measurements whose machine code a study knows from before: the latest. Their hashes go with every trial."""
FINISH_SECONDS = 10.0

logger = logging.getLogger(__name__)


class StudyArchive:
    """A tracker that keeps the study's measurements, if `keep`, and knows those made before, if `reuse`.

    The store is opened when the study starts. Writing is a thread's work; a store that fails later costs a warning.
    """

    def __init__(
        self,
        url: str | None,
        keep: bool,
        reuse: bool,
        workload: Workload,
        backend: IdentifiedBackend,
        evaluator: IdentifiedEvaluator,
    ) -> None:
        self._url = url
        self._keep = keep
        self._reuse = reuse
        self._parts = workload, backend, evaluator
        self._store: Store | None = None
        self._codes: dict[str, Trial] = {}
        self._queue: queue.SimpleQueue[Trial | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None

    def start(self, info: StudyInfo) -> None:
        """Raises UserError for a store that cannot be opened."""
        from .context import Context
        from .store import Store  # loads SQLAlchemy, which workers have no use for

        self._directory = info.directory
        self._context = Context.of(context(*self._parts))
        _describe(info.directory / CONTEXT, canonical(self._context.content) + "\n")
        self._store = Store(self._url)
        if self._reuse:
            for trial in self._store.trials(self._context, coded=True, most=CODES):
                self._codes.setdefault(trial.code, trial)
        if self._keep:
            self._writer = threading.Thread(target=self._write, args=(self._store, self._context), daemon=True)
            self._writer.start()

    def submit(self, executor: Executor, work: TrialWork, deadline_seconds: float) -> Future[Outcome]:
        """As `Executor.submit`; what is known is not run, and what turns out to be known code is not measured."""
        future: Future[Outcome] = Future()
        if (known := self._find(work.schedule)) is not None:
            future.set_result(_remembered(known))
            return future
        codes = dict(self._codes)

        def finish(run: Future[Outcome]) -> None:
            if (error := run.exception()) is not None:
                return future.set_exception(error)
            outcome = run.result()
            future.set_result(_completed(outcome, codes[outcome.code]) if outcome.cached else outcome)

        executor.submit(replace(work, known=frozenset(codes)), deadline_seconds).add_done_callback(finish)
        return future

    def baseline(self, name: str, seconds: float) -> None:
        """Left out: it belongs to no schedule."""

    def note(self, text: str) -> None:
        """Of no interest here."""

    def log(self, trial: Trial) -> None:
        from .store import lasting

        if lasting(trial):
            if self._reuse and trial.code:
                self._codes[trial.code] = trial
            self._queue.put(trial)

    def finish(self, result: Mapping[str, Any] | None) -> None:
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join(FINISH_SECONDS)
            if self._writer.is_alive():
                self._warn(f"not done within {FINISH_SECONDS:g} s")
        if self._store is not None:
            self._store.close()

    def _warn(self, trouble: object) -> None:
        logger.warning(
            "not all of this study is in the archive (its trials.jsonl is complete): %s; "
            "mlopt archive merge %s adds what is missing",
            trouble,
            self._directory,
        )

    def _find(self, schedule: Schedule) -> Trial | None:
        if not self._reuse or self._store is None:
            return None
        try:
            return self._store.find(address(self._context.digest, schedule))
        except UserError as error:
            self._reuse = False
            logger.warning("the study goes on without what was measured before: %s", error)
            return None

    def _write(self, store: Store, context: Context) -> None:
        """Keep what is in the queue until its end, as much at once as there is."""
        while (trial := self._queue.get()) is not None:
            trials = [trial]
            while not self._queue.empty() and (trial := self._queue.get()) is not None:
                trials.append(trial)
            try:
                store.add(context, trials)
            except UserError as error:
                self._warn(error)
                return
            if trial is None:
                return


def _describe(file: Path, text: str) -> None:
    """Write the context of a study; nothing is true of all its trials if it was begun in another one."""
    file.write_text(text if not file.exists() or file.read_text() == text else "null\n")


def _remembered(trial: Trial) -> Outcome:
    """The outcome of a trial that need not be run."""
    return Outcome(
        status=trial.status,
        measurement=Measurement(trial.seconds, trial.samples, trial.metrics),
        compile_seconds=trial.compile_seconds,
        metrics=trial.metrics,
        error=trial.error,
        started=now(),
        finished=now(),
        code=trial.code,
        cached=True,
    )


def _completed(outcome: Outcome, trial: Trial) -> Outcome:
    """The outcome of a trial that was built, and turned out to be the same code as an earlier one."""
    known = _remembered(trial)
    return replace(
        known,
        compile_seconds=outcome.compile_seconds,
        metrics={**known.metrics, **outcome.metrics},
        started=outcome.started,
        finished=outcome.finished,
    )
