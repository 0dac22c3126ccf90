"""The executor on Ray: one task a trial, each tried again where its machine is lost."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import logging
import math
import os
import pickle
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ...core.errors import UserError, summary
from ...core.fingerprint import hardware
from ...core.trial import Status, WorkerKilled, WorkerLost
from .. import machine
from ..worker import unpack
from .connection import Connection
from .depth import Depth
from .task import Needs, Reply, Settings, Unlike, gpu_kind

R = TypeVar("R")

_LOOK_SECONDS = 5.0
"""How often to look for machines that have joined a cluster."""

logger = logging.getLogger(__name__)


class Ray:
    """Runs works as Ray tasks: on a Ray of its own on this machine, or on the cluster at `address`.

    `slots=None` is one for each core, at most 8 (on a cluster: as many as find room); `memory_bytes=None` is an equal
    share of half of the memory of the machine that a work runs on. A work takes `cores` and `gpus` of its machine.

    On a cluster only machines with this one's hardware are used, and one kind of GPU, unless they may be `mixed`: the
    times of others do not compare. A work that is lost with its machine, or killed by somebody unknown, is done once
    more, elsewhere if it can be; when it is lost again, that is its own fault.
    """

    def __init__(
        self,
        address: str | None = None,
        slots: int | None = None,
        memory_bytes: int | None = None,
        cores: int = 1,
        gpus: float = 0.0,
        mixed: bool = False,
    ) -> None:
        machine.check(slots, memory_bytes)
        if cores < 1 or gpus < 0.0:
            raise UserError(f"executor.cores={cores} must be at least 1, executor.gpus={gpus:g} at least 0")
        self._address = address
        self._slots = slots
        self._memory_bytes = memory_bytes
        self._needs = Needs(cores, gpus)
        self._mixed = mixed
        self._joined: Future[str] | None = None
        # Only this thread speaks with Ray; it stays, since Ray's processes die with the thread that started them.
        self._thread: ThreadPoolExecutor | None = None
        self._pending: set[Future[Any]] = set()
        self._unlike: dict[str, Unlike] = {}
        self._gpu: str | None = None
        self._depth = Depth()

    @property
    def slots(self) -> int:
        """How many works run at once; asked of the cluster where that alone can tell."""
        if self._slots is None and self._address is not None:
            self._connection.result()
            return self._room
        return machine.slots(self._slots, self._needs.cores)

    @property
    def in_line(self) -> int:
        """How many works more are worth submitting, for slots not to wait for them."""
        return self._depth.works

    @property
    def remote(self) -> bool:
        return self._address is not None

    @property
    def sharable(self) -> bool:
        return not self.remote

    @contextlib.contextmanager
    def shared(self, slots: int) -> Iterator[Future[str]]:
        """Begin to start a Ray with room for `slots` works of several executors; gives where they `join` it."""
        with ThreadPoolExecutor(1, thread_name_prefix="ray") as thread:
            connection = thread.submit(Connection, None, slots * self._needs.cores, here=True)
            try:
                yield thread.submit(lambda: connection.result().address)
            finally:
                thread.submit(lambda: connection.result().close())

    def join(self, address: Future[str]) -> None:
        """Use a Ray that somebody starts on this machine for several (`shared`), instead of one of its own."""
        self._joined = address

    def start(self, preload: Sequence[str]) -> None:
        """Begin to connect; returns at once. A cluster that cannot be reached is every future's UserError."""
        if importlib.util.find_spec("ray") is None:
            raise UserError("executor=ray needs the package ray; install it or choose executor=local")
        memory_bytes = self._memory_bytes
        if memory_bytes is None and self._address is None:
            memory_bytes = machine.memory_share(self.slots)
        wanted = hardware() if self.remote and not self._mixed else None
        threads = os.environ.get("OMP_NUM_THREADS")
        self._settings = Settings(tuple(preload), memory_bytes, tuple(sys.path), threads, wanted)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ray")
        self._connection = self._thread.submit(self._connect)

    def submit(self, work: Callable[[], R], deadline_seconds: float) -> Future[R]:
        """Queue `work` as a task; see `Worker.run` for what the future raises."""
        if self._thread is None:
            raise RuntimeError("submit before start, or after close")
        future: Future[R] = Future()
        future.set_running_or_notify_cancel()  # Ray has it from here on
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)
        self._thread.submit(self._pack, future, work, deadline_seconds)
        return future

    def close(self) -> None:
        """Kill what runs, and end or leave Ray; leaves no process behind. May be called twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.submit(self._disconnect).result()
            thread.shutdown()
            for future in list(self._pending):
                with contextlib.suppress(InvalidStateError):
                    future.set_exception(WorkerLost(Status.CRASH, "the executor was closed"))

    def _connect(self) -> Connection:
        if self.remote:
            connection = Connection(self._address, 0, here=False)
        else:
            shared = None if self._joined is None else self._joined.result()
            connection = Connection(shared, self.slots * self._needs.cores, here=True)
        self._look(connection)
        return connection

    def _disconnect(self) -> None:
        if self._connection.exception() is None:
            self._connection.result().close()

    def _look(self, connection: Connection) -> None:
        """See which machines there are."""
        nodes = connection.nodes()
        self._looked = time.monotonic()
        self._nodes = {name: self._needs.room(resources) for name, resources in nodes.items()}
        if self._needs.gpus and not self._mixed:
            self._keep_to_one_gpu({name: gpu_kind(nodes[name]) for name, room in self._nodes.items() if room})
        self._room = sum(room for name, room in self._nodes.items() if name not in self._unlike)

    def _keep_to_one_gpu(self, kinds: Mapping[str, str]) -> None:
        """Use no other GPUs than of the kind for which there was most room at first; `kinds` are those of machines."""
        if self._gpu is None and kinds:
            rooms = Counter[str]()
            for name, kind in kinds.items():
                rooms[kind] += self._nodes[name]
            self._gpu = rooms.most_common(1)[0][0]
        for name, kind in kinds.items():
            if kind != self._gpu and name not in self._unlike:
                self._unlike[name] = Unlike({"gpu": kind})
                logger.warning("a machine of the cluster is left out: its GPU is %s, others have %s", kind, self._gpu)

    def _pack(self, future: Future[Any], work: Callable[[], Any], deadline_seconds: float) -> None:
        try:
            pending = _Pending(future, pickle.dumps(work), deadline_seconds)
        except Exception as error:
            future.set_exception(error)
        else:
            self._launch(pending)

    def _launch(self, pending: _Pending) -> None:
        if self._thread is None:
            return
        try:
            connection = self._connection.result()
            if time.monotonic() - self._looked > _LOOK_SECONDS:
                self._look(connection)
            self._check_room()
            # Where it was lost it is tried again only if there is no other place.
            elsewhere = {*self._unlike, *pending.lost_on}
            avoid = (
                elsewhere if any(room for name, room in self._nodes.items() if name not in elsewhere) else self._unlike
            )
            reply = connection.submit(pending.work, pending.deadline_seconds, self._settings, self._needs, [*avoid])
        except UserError as error:
            pending.future.set_exception(error)
        except Exception as error:  # Ray did not start, or is no more, for which no work is to blame
            reason = f"Ray fails: {summary(error)}; executor=local does without it"
            pending.future.set_exception(UserError(reason))
        else:
            reply.add_done_callback(functools.partial(self._deliver, pending))

    def _check_room(self) -> None:
        """Raise UserError where no machine can take a work."""
        if self._room:
            return
        if not self._nodes:
            raise UserError("no machine is left to Ray, which has ended; mlopt resume=DIR goes on with a study")
        if self._unlike:
            other = next(iter(self._unlike.values())).hardware
            raise UserError(
                f"the cluster has no machine like this one, only such as {_words(other)}, and this is "
                f"{_words(hardware())}: their times do not compare; executor.mixed=true uses them all the same"
            )
        raise UserError(f"no machine has room for executor.cores={self._needs.cores}, gpus={self._needs.gpus:g}")

    def _deliver(self, pending: _Pending, done: Future[Reply]) -> None:
        """Pass on what a task came to, or let it be done again; in a thread of Ray's."""
        from ray.exceptions import RayError, RayTaskError

        future = pending.future
        try:
            reply = done.result()
            match reply.answer:
                case Unlike() as unlike:
                    return self._again(self._leave_out, reply.node, unlike, pending)
                case WorkerKilled() if not pending.lost:
                    return self._again(self._launch, replace(pending, lost=True, lost_on=(reply.node,)))
                case WorkerLost() as loss:
                    raise loss
                case bytes() as answer:
                    if reply.idle is not None:
                        self._depth.note(reply.idle, reply.busy, self.slots)
                    result = unpack(answer)
        except RayTaskError as error:
            future.set_exception(error.cause)
        except RayError as error:
            if not pending.lost:
                return self._again(self._relaunch, replace(pending, lost=True))
            future.set_exception(WorkerLost(Status.CRASH, f"Ray lost the worker: {str(error).splitlines()[0]}"))
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    def _again(self, step: Callable[..., None], *arguments: Any) -> None:
        """Do `step` where Ray may be spoken with; after `close`, never."""
        if (thread := self._thread) is not None:
            with contextlib.suppress(RuntimeError):  # closed just now
                thread.submit(step, *arguments)

    def _relaunch(self, pending: _Pending) -> None:
        """A machine may be gone."""
        self._looked = -math.inf
        self._launch(pending)

    def _leave_out(self, node: str, unlike: Unlike, pending: _Pending) -> None:
        """Use a machine no more."""
        if node not in self._unlike:
            self._unlike[node] = unlike
            logger.warning("a machine of the cluster is left out, since it is another than this: %s", unlike.hardware)
            self._looked = -math.inf
        self._launch(pending)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A work that Ray has, and the future that waits for it."""

    future: Future[Any]
    work: bytes
    deadline_seconds: float
    lost: bool = False
    """Whether it was once, and is done for the second time."""
    lost_on: tuple[str, ...] = ()
    """Where, if that is known."""


def _words(hardware: Mapping[str, Any]) -> str:
    if "gpu" in hardware:
        return f"one with {hardware['gpu'] or 'a GPU that Ray does not know'}"
    return f"{hardware['cpu']} with {hardware['cores']} cores"
