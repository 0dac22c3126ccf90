"""`proposals.jsonl`: what the search was asked, and when, for whoever goes on with the study.

`trials.jsonl` says how trials ended and in which order, but not which were under way, nor what the search knew when it
proposed them. Each line is an ask, written before its schedules are tried; the first line says whose asks they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .core.errors import UserError
from .core.journal import Journal
from .core.schedule import Schedule

IDENTITY = ("workload", "backend", "search", "evaluator", "seed")
"""The keys of a configuration that make a study the one that it is."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to the search, and its answer."""

    told: int
    """Trials that it had been told by then."""
    n: int
    """How many schedules it was asked for."""
    proposed: tuple[Schedule, ...]
    seconds: float = 0.0
    money: float = 0.0
    """What the study had spent by then, beside trials."""


class ProposalLog:
    """Appends a line an ask. `asks` are those that were there before, `machine` is what they were made on.

    `config` is the study's configuration, `machine` what must be said of the hardware. Raises UserError where the file
    is another study's, or none.
    """

    NAME = "proposals.jsonl"

    def __init__(
        self, directory: Path, config: Mapping[str, Any], machine: Mapping[str, Any], resume: bool = False
    ) -> None:
        self._path = directory / self.NAME
        self._journal = Journal(self._path, resume)
        self.machine = machine
        self.asks: list[Ask] = []
        own = _plain({key: config[key] for key in IDENTITY if key in config})
        try:
            if self._path.stat().st_size:
                self._read(own)
            else:
                self._journal.append({"study": own, "machine": machine})
        except UserError:
            self.close()
            raise

    def append(self, ask: Ask) -> None:
        self._journal.append(
            {
                "told": ask.told,
                "n": ask.n,
                "proposed": [schedule.values() for schedule in ask.proposed],
                "seconds": round(ask.seconds, 3),
                "money": ask.money,
            }
        )

    def close(self) -> None:
        """May be called twice."""
        self._journal.close()

    def _read(self, own: Mapping[str, Any]) -> None:
        from .proposal_record import read  # loads pydantic, which only a study that is gone on with has a use for

        try:
            begun, self.machine, asks = read(self._path)
            _check_same(own, begun)
            self.asks = list(asks)
        except UserError as error:
            raise UserError(f"{self._path}: {error}") from None


def _check_same(own: Mapping[str, Any], begun: Mapping[str, Any]) -> None:
    """Raise UserError unless what is configured is what the study began with."""
    for key in IDENTITY:
        if own.get(key) != begun.get(key):
            raise UserError(f"the study began with another {key} than its configuration has now")


def _plain(value: Any) -> Any:
    """As it is when it has been written and read."""
    return json.loads(json.dumps(value, default=str))


def in_order(asks: Sequence[Ask]) -> list[Schedule]:
    """All that was proposed; the place of each is its trial's number."""
    return [schedule for ask in asks for schedule in ask.proposed]
