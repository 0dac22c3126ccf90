"""One killable worker process, as its driver sees it."""

from __future__ import annotations

import contextlib
import math
import pickle
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.reduction import send_handle
from typing import Any, TypeVar

from ..core.errors import UserError
from ..core.processes import Process
from ..core.trial import Status, WorkerClosed, WorkerDelayed, WorkerKilled, WorkerLost
from . import clock, device
from .family import Child, Nursery, manner
from .retirement import RETIRED, UNFIT

R = TypeVar("R")

_POLL_SECONDS = 0.05
_START_SECONDS = 120.0
_OUT_OF_MEMORY = re.compile("bad_alloc|out of memory|cannot allocate memory", re.IGNORECASE)


class Worker:
    """A process that runs one work after another, and is replaced when a work takes it along.

    It is forked from its nursery, another process, which has imported `preload`. It keeps its state between works, is
    killed with everything below it when a work outlives its deadline or when its resident memory (imported modules
    included) outgrows `memory_bytes`, or asks for it (`retirement.py`), and never outlives the driver. A work is any
    picklable callable; what it is made of must be importable, so it cannot come from `__main__`. May be used from
    several threads, one work at a time. `environment` replaces the driver's own.
    """

    def __init__(
        self,
        preload: Sequence[str] = (),
        memory_bytes: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._preload = tuple(preload)
        self._memory_bytes = memory_bytes
        self._environment = environment
        self._lock = threading.Lock()
        self._closed = False
        self._nursery: Nursery | None = None
        self._child: Child | None = None

    def start(self) -> None:
        """Begin to get ready; returns at once."""
        with self._lock:
            self._started()

    def run(self, work: Callable[[], R], deadline_seconds: float, patience_seconds: float = math.inf) -> R:
        """The result of `work`, which is killed `deadline_seconds` after it began in a process that was ready.

        Seconds in which others keep it from working, since they take time, are not counted there; there may be
        `patience_seconds` of them. Raises WorkerLost when the process died or was killed (WorkerKilled where nobody
        knows by whom, WorkerDelayed for want of patience), UserError when it cannot import its modules, and otherwise
        what `work` raised, with the worker's traceback as a note.
        """
        result: R = unpack(self.exchange(pickle.dumps(work), deadline_seconds, patience_seconds))
        return result

    def exchange(self, work: bytes, deadline_seconds: float, patience_seconds: float = math.inf) -> bytes:
        """As `run`, but takes the work pickled and gives an answer for `unpack`, which may be in another process."""
        with self._lock:
            for _ in range(2):
                answer = self._attempt(work, _Allowance(deadline_seconds, patience_seconds))
                if answer is not None:
                    return answer
            raise WorkerLost(Status.CRASH, "a fresh process is unfit for it, too")

    def _attempt(self, work: bytes, allowed: _Allowance) -> bytes | None:
        """The answer; None where the process was unfit for the work, and is no more."""
        if self._child is not None and not self._child.idle():
            self._end()
        nursery = self._started()
        if self._child is None:
            self._child = self._fork(nursery)
        child = self._child
        nursery.forget_stderr()
        with self._loss_at_eof():
            child.connection.send(work)
            return self._answer(child.connection, allowed)

    def pause(self) -> None:
        """Stop the idle process with all its threads until `resume`, so that it computes nothing meanwhile."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the paused process go on; to be called before its next work."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Kill the process, also in the middle of a work, and leave nothing behind. May be called twice."""
        self._closed = True  # a thread that is in `exchange` sees it at its next poll
        with self._lock:
            self._quit()

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None:
            self._child.process.send(number)

    def _started(self) -> Nursery:
        if self._closed:
            raise WorkerClosed(Status.CRASH, "the worker is closed")
        if self._nursery is not None and self._nursery.process.poll() is not None:
            self._quit()
        if self._nursery is None:
            self._nursery = Nursery(self._preload, self._memory_bytes, self._environment)
        return self._nursery

    def _fork(self, nursery: Nursery) -> Child:
        late = WorkerLost(Status.CRASH, f"the process did not start within {_START_SECONDS:g} s")
        with self._loss_at_eof():
            if not nursery.imported:
                self._wait(nursery.control, _Allowance(_START_SECONDS), late)
                if failure := nursery.control.recv():
                    self._quit()
                    raise UserError(failure)
                nursery.imported = True
            ours, theirs = Pipe()
            with theirs:
                send_handle(nursery.control, theirs.fileno(), nursery.process.pid)
            self._wait(nursery.control, _Allowance(_START_SECONDS), late)
            return Child(Process.of(nursery.control.recv()), ours)

    def _answer(self, connection: Connection, allowed: _Allowance) -> bytes | None:
        late = WorkerLost(Status.TIMEOUT, f"killed at its deadline of {allowed.own:g} s")
        self._wait(connection, allowed, late)
        while (answer := connection.recv()) == clock.STOPPED:
            allowed.stopped = not allowed.stopped
            self._wait(connection, allowed, late)
        if answer == UNFIT:
            self._end()
            return None
        if answer == RETIRED:
            self._wait(connection, allowed, late)
            answer = connection.recv()
            self._end()
        return bytes(answer)

    def _wait(self, connection: Connection, allowed: _Allowance, late: WorkerLost) -> None:
        """Return as soon as `connection` can be read; raise WorkerLost at a limit, `late` at that of own seconds."""
        assert self._nursery is not None
        seen = time.monotonic()
        while True:
            now = time.monotonic()
            held_back = self._child is not None and device.is_held_back(self._child.process)
            left, seen = allowed.spend(now - seen, held_back), now
            readable = wait([connection, self._nursery.stderr_fd], min(_POLL_SECONDS, max(left, 0.0)))
            self._nursery.read_stderr()
            if connection in readable:
                return
            resident = None if self._child is None else self._child.process.resident_bytes
            if resident == 0:  # dead, though a process below it holds the connection open
                raise EOFError
            if self._closed:
                raise self._loss(WorkerClosed(Status.CRASH, "the worker was closed"))
            if left <= 0:
                delayed = WorkerDelayed(Status.TIMEOUT, "others took time on this machine for too long")
                raise self._loss(late if allowed.own <= 0 else delayed)
            if resident and self._memory_bytes and resident > self._memory_bytes:
                sizes = f"{resident >> 20} MiB, over its limit of {self._memory_bytes >> 20} MiB"
                raise self._loss(WorkerLost(Status.OUT_OF_MEMORY, f"killed at {sizes}"))

    @contextlib.contextmanager
    def _loss_at_eof(self) -> Iterator[None]:
        """Turn the end of a connection, which is how a death shows, into WorkerLost."""
        try:
            yield
        except (EOFError, OSError):
            raise self._loss() from None

    def _loss(self, known: WorkerLost | None = None) -> WorkerLost:
        """Clear away what is left; what to raise: `known`, else how the process died and its last words."""
        assert self._nursery is not None
        nursery = self._nursery
        code = self._end()
        if known is not None:
            return known
        words = nursery.last_words()
        status = Status.OUT_OF_MEMORY if _OUT_OF_MEMORY.search(words) else Status.CRASH
        kind = WorkerKilled if code == -signal.SIGKILL else WorkerLost
        return kind(status, f"{manner(code)}: {words}" if words else manner(code))

    def _end(self) -> int:
        """Kill the child and all below it, the nursery too if need be; how it ended (see `manner`)."""
        assert self._nursery is not None
        code = None
        if self._child is not None:
            self._child.connection.close()
            self._child = None
            code = self._nursery.end_child()
        return self._quit() if code is None else code

    def _quit(self) -> int:
        """Kill the nursery and all below it; how it ended."""
        if self._child is not None:
            self._child.connection.close()
            self._child = None
        if self._nursery is None:
            return 0
        nursery, self._nursery = self._nursery, None
        return nursery.quit()


def unpack(answer: bytes) -> Any:
    """What the work returned, or raise what it raised."""
    returned, value = pickle.loads(answer)
    if not returned:
        raise value
    return value


@dataclass(slots=True)
class _Allowance:
    """The seconds that a work has left: of its own, and of those in which others keep it from working."""

    own: float
    others: float = math.inf
    stopped: bool = False
    """Whether it says itself that it waits for others."""

    def spend(self, seconds: float, held_back: bool) -> float:
        """Count what has passed, in which the work may have been `held_back`; what is left of the kind that it was."""
        if held_back or self.stopped:
            self.others -= seconds
            return self.others
        self.own -= seconds
        return self.own
