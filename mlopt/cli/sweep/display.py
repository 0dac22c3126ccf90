"""How far a sweep is, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from ...executor.inline import Inline
from ...waiting import Waiting
from ..console import below_here
from .finished import reached
from .study import Ended, Job


class Display:
    """A line for each study that ends, and for who keeps them waiting; on a terminal a bar for each that runs."""

    def __init__(self, jobs: Sequence[Job], console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._studies, self._done = len(jobs), 0
        # No thread that refreshes: nothing of ours computes while a kernel is timed.
        columns = BarColumn(20), TextColumn("{task.description}", markup=False)
        self._bars = Progress(*columns, console=self._console, auto_refresh=False, transient=True)
        self._live: dict[int, TaskID] = {}
        self._waiting = Waiting(self._say)
        self._waits = not all(isinstance(job.executor, Inline) for job in jobs)  # who replays records waits for nobody

    def __enter__(self) -> Display:
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._bars.start()
        if self._waits:
            self._waiting.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._waiting.__exit__()
        if self._bars.live.is_started:
            self._bars.stop()

    def started(self, job: Job) -> None:
        self._live[job.number] = self._bars.add_task(job.name, total=job.config.budget.trials)
        self._refresh()

    def trials(self, job: Job, done: int) -> None:
        """So many trials of `job` have ended."""
        self._waiting.moved()
        self._bars.update(self._live[job.number], completed=done, description=f"{job.name}: {done} trials")
        self._refresh()

    def ended(self, job: Job, ended: Ended, ran: bool = True) -> None:
        """`job` has ended, now or, if it never `ran` here, before."""
        self._done += 1
        if job.number in self._live:
            self._bars.remove_task(self._live.pop(job.number))
        width = len(str(self._studies))
        end = f"best {reached(job.directory)}" if ended.code == 0 else ended.message or f"exit code {ended.code}"
        line = f"{self._done:>{width}}/{self._studies}  {job.name}: {end}{'' if ran else ', as before'}"
        self._say(f"{line}, in {below_here(job.directory)}")
        self._refresh()

    def _say(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)

    def _refresh(self) -> None:
        if self._bars.live.is_started:
            self._bars.refresh()
