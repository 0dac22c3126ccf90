"""The tracker that shows a study on the terminal."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.judged import refuted_in_words
from ..core.trial import Trial
from ..protocols import Budget, StudyInfo
from ..tracker.summary import duration, plain, significant
from .console import Plain, below_here, open_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

REFRESH_SECONDS = 0.25
LINE_SHARE, BETTER_SHARE = 0.1, 0.05
"""The share of the budget after which a plain line is due: in any case, and if a better schedule was found."""


class Progress:
    """Shows a live bar on a terminal, else a plain line now and then; at the end, the result as a table."""

    def __init__(self, budget: Budget, console: Console | Plain | None = None) -> None:
        self._budget = budget
        self._console = console or open_console()
        self._live: tuple[Bar, TaskID] | None = None
        self._directory = Path()
        self._started = self._drawn = time.monotonic()
        self._done = self._failures = 0
        self._best: Trial | None = None
        self._baseline: tuple[str, float] | None = None
        self._shown = 0.0
        self._improved = False

    def start(self, info: StudyInfo) -> None:
        self._directory = info.directory
        self._started = time.monotonic() - info.seconds
        for trial in info.trials:
            self._count(trial)
        self._shown = self._share()
        limit = f" or {self._budget.seconds:g} s" if self._budget.seconds is not None else ""
        self._print(f"{info.name}: at most {self._budget.trials} trials{limit}, into {below_here(info.directory)}")
        if not isinstance(self._console, Plain) and self._console.is_terminal and not self._console.is_dumb_terminal:
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = BarColumn(None), TextColumn("{task.description}")
            # No thread that refreshes: nothing of ours computes while a kernel is timed.
            bar = Bar(*columns, console=self._console, expand=True, auto_refresh=False)
            self._live = bar, bar.add_task(self._state(), total=1.0)
            bar.start()

    def baseline(self, name: str, seconds: float) -> None:
        """What the speedup is shown against: a baseline and one call's seconds."""
        self._baseline = name, seconds

    def note(self, text: str) -> None:
        self._print(text)

    def log(self, trial: Trial) -> None:
        self._count(trial)
        share = self._share()
        if self._live:
            if time.monotonic() - self._drawn >= REFRESH_SECONDS:
                self._drawn = time.monotonic()
                self._draw(share)
        elif share < 1.0 and round(share - self._shown, 6) >= (BETTER_SHARE if self._improved else LINE_SHARE):
            self._shown, self._improved = share, False
            self._print(self._state())

    def finish(self, result: Mapping[str, Any] | None) -> None:
        exhausted = bool(result and result.get("exhausted"))
        if exhausted:  # what was tried is all there is
            self._budget = replace(self._budget, trials=max(1, self._done))
        if self._live:
            self._draw(self._share())
            self._live[0].stop()
        else:
            self._print(self._state())
        folder = below_here(self._directory)
        if result is None:
            return self._print(f"the study failed; what it wrote is in {folder}")
        counts = ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in result["counts"].items() if n)
        self._print("")
        for line in plain(result, self._console.width):
            self._print(line)
        self._print("")
        for line in filter(None, (refuted_in_words(result.get("lost", {})), result.get("caveat"))):
            self._print(line)
        if not result.get("best"):
            self._print("no valid schedule was found")
        if exhausted:
            self._print("nothing is left to try: the search came to its end before the budget did")
        self._print(f"{result['trials']} trials in {duration(result['wall_seconds'])}: {counts or 'none ended'}")
        self._print(f"files: {folder}")
        if (self._directory / "best" / "rerun.py").exists():
            self._print(f"the best again: python {shlex.quote(str(folder / 'best' / 'rerun.py'))}")

    def _count(self, trial: Trial) -> None:
        self._done += 1
        self._failures += not trial.ok
        if trial.reached is not None and (self._best is None or trial.reached < (self._best.reached or 0.0)):
            self._best, self._improved = trial, True

    def _draw(self, share: float) -> None:
        assert self._live
        bar, task = self._live
        bar.update(task, completed=share, description=self._state(), refresh=True)

    def _state(self) -> str:
        """Trials done, best time, speedup, failures and time left, in columns that stay where they are."""
        width = len(str(self._budget.trials))
        speedup = ""
        if self._best and self._best.seconds and self._baseline:
            name, seconds = self._baseline
            speedup = f"{significant(seconds / self._best.seconds, 3):>4}x {name}  "
        return (
            f"{self._done:>{width}}/{self._budget.trials}  best {self._best_text():>8}  {speedup}"
            f"{self._failures:>{width}} failed  {self._left():>4} left"
        )

    def _best_text(self) -> str:
        if self._best is None or self._best.reached is None:
            return "-"
        return duration(self._best.seconds) if self._best.seconds is not None else f"{self._best.reached:.4g}"

    def _share(self) -> float:
        """The share of the budget that is spent, of whichever limit is nearer."""
        limit = self._budget.seconds
        spent = (time.monotonic() - self._started) / limit if limit else 0.0
        return max(self._done / self._budget.trials, spent)

    def _left(self) -> str:
        """The time until the first limit is reached, as minutes and seconds."""
        elapsed = time.monotonic() - self._started
        guesses = [self._budget.seconds - elapsed] if self._budget.seconds is not None else []
        if self._done:
            guesses.append(elapsed / self._done * (self._budget.trials - self._done))
        if not guesses:
            return "-:--"
        minutes, seconds = divmod(round(max(0.0, min(guesses))), 60)
        return f"{minutes}:{seconds:02}"

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
