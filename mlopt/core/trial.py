"""What is known of one tried schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from .errors import CompileError, InvalidSchedule, WrongResult
from .schedule import Schedule

SPENT = "model_"
"""How metrics begin that say what a trial's proposal has cost: its share of a model's calls, tokens, money, seconds."""

UNVERIFIED = "unverified"
"""The metric, 1, of a trial whose results nobody could judge."""


class Status(StrEnum):
    """How a trial ended."""

    OK = "ok"
    INVALID = "invalid"
    COMPILE_ERROR = "compile_error"
    WRONG_RESULT = "wrong_result"
    TIMEOUT = "timeout"
    CRASH = "crash"
    OUT_OF_MEMORY = "out_of_memory"

    @classmethod
    def of(cls, error: BaseException) -> Status:
        """The status that an exception stands for: the only place where one becomes the other."""
        for kind, status in (
            (Failed, None),
            (InvalidSchedule, cls.INVALID),
            (CompileError, cls.COMPILE_ERROR),
            (WrongResult, cls.WRONG_RESULT),
            (MemoryError, cls.OUT_OF_MEMORY),
        ):
            if isinstance(error, kind):
                return error.status if isinstance(error, Failed) else status or cls.CRASH
        return cls.CRASH


class Failed(Exception):
    """The end of a trial, told by somebody who knows its status; the message is its error, word for word."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message

    def __str__(self) -> str:
        return self.message


class WorkerLost(Failed):
    """An executor's word that the worker is gone and its work with it.

    `status` says how: CRASH (it died), TIMEOUT (killed at its deadline) or OUT_OF_MEMORY (killed at its limit).
    """


class WorkerKilled(WorkerLost):
    """The worker was killed by a signal that a work can send, but also the system for want of memory, or anybody.

    Executors do such a work once more: only when it is lost again is that its own fault.
    """


class WorkerClosed(WorkerLost):
    """The worker was closed by its driver, so that the loss says nothing of the work."""


class WorkerDelayed(WorkerLost):
    """The worker was given up since others kept its work waiting for too long, so that the loss says nothing of it."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What an evaluator found out about a correct program."""

    seconds: float | None = None
    """Robust estimate of one call's time; None where nothing was executed."""
    samples: tuple[float, ...] = ()
    """Every timed repetition kept, in seconds."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Further numbers by name; a simulated cost is `cost`, what a screened program may take `estimated_seconds`."""


def reached(status: Status, seconds: float | None, metrics: Mapping[str, float]) -> float | None:
    """See `Trial.reached`."""
    if status is not Status.OK:
        return None
    return seconds if seconds is not None or "estimated_seconds" in metrics else metrics.get("cost")


@dataclass(frozen=True, slots=True)
class Trial:
    """One line of the trial log. A failed trial has no number at all: `seconds` is None unless it is ok."""

    trial: int
    schedule: Schedule
    status: Status
    seconds: float | None = None
    samples: tuple[float, ...] = ()
    compile_seconds: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    cached: bool = False
    error: str = ""
    started: str = ""
    finished: str = ""
    code: str = ""
    """A hash of the machine code, which other decisions may lead to as well; '' where nobody knows it."""
    origin: str = ""
    """Who proposed it, in a word, where a search tells."""

    @property
    def ok(self) -> bool:
        return self.status is Status.OK

    @property
    def objective(self) -> float | None:
        """What a search minimises: seconds, else seconds estimated, else the simulated cost; None for a failure."""
        return self.metrics.get("estimated_seconds", self.reached) if self.ok and self.seconds is None else self.reached

    @property
    def reached(self) -> float | None:
        """The objective as a result: None for a failure, and for seconds that are only estimated."""
        return reached(self.status, self.seconds, self.metrics)

    def refuted(self, reason: str) -> Trial:
        """The same one, once its kernel was found wrong."""
        wrong = Status.WRONG_RESULT
        return replace(self, status=wrong, seconds=None, samples=(), metrics={}, cached=False, error=reason)

    @classmethod
    def from_json(cls, line: str) -> Trial:
        """The trial in one line of `trials.jsonl`, which may come from anywhere.

        Raises UserError, in one line, for whatever is no trial.
        """
        from .record import read  # loads pydantic, which a worker has no use for

        return read(line)

    def to_json(self) -> dict[str, Any]:
        """The line of `trials.jsonl`."""
        return {
            "trial": self.trial,
            "schedule": self.schedule.values(),
            "status": self.status.value,
            "seconds": self.seconds,
            "samples": list(self.samples),
            "compile_seconds": self.compile_seconds,
            "metrics": dict(self.metrics),
            "cached": self.cached,
            "error": self.error,
            "started": self.started,
            "finished": self.finished,
            **({"code": self.code} if self.code else {}),
            **({"origin": self.origin} if self.origin else {}),
        }
