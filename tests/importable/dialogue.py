"""A study that a model is asked about, one trial at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tiles import TILES, trial

from mlopt.core.schedule import Schedule
from mlopt.core.trial import Trial
from mlopt.protocols import Brief, Budget, Roofline, Search, StudyContext
from mlopt.search.llm.endpoint import Endpoint
from mlopt.search.llm.search import Llm
from mlopt.testing.models import Part, Server

Serve = Callable[[Part], Server]
BRIEF = Brief(
    workload={"name": "matmul", "m": 8, "n": 8, "k": 8},
    program="C[m,n] += A[m,k] B[k,n]",
    machine={"cpu": "A CPU", "cores": 2, "caches": {"L1": 32768}},
    threads=2,
    flops=1024,
    bytes=768,
    roofline=Roofline(1e9, 1e8),
)


def endpoint(url: str, **settings: Any) -> Endpoint:
    return Endpoint(url, "a model", **{"pause": 0.001, "timeout": 5.0, **settings})


class Study:
    """The loop of a study, one trial at a time, and what the user was told."""

    def __init__(
        self,
        search: Search,
        directory: Path | None = None,
        space: Any = TILES,
        trial: Callable[[int, Schedule], Trial] = trial,
        brief: Brief = Brief(),  # noqa: B008 - immutable
        **context: Any,
    ) -> None:
        self.search, self.space, self._trial = search, space, trial
        self.said: list[str] = []
        self.trials: list[Trial] = []
        known = StudyContext(np.random.default_rng(0), Budget(200), 1, lambda: brief, directory, self.said.append)
        search.start(space, replace(known, **context))

    def run(self, trials: int) -> list[Trial]:
        """The new trials, with their origins."""
        first = len(self.trials)
        while len(self.trials) < first + trials and (asked := self.search.ask(1)):
            tried = self._trial(len(self.trials), asked[0])
            origin, spent = self.search.account(asked[0]) if isinstance(self.search, Llm) else ("", {})
            self.trials.append(replace(tried, origin=origin, metrics={**tried.metrics, **spent}))
            self.search.tell([tried])
        return self.trials[first:]

    @property
    def origins(self) -> list[str]:
        return [trial.origin for trial in self.trials]
