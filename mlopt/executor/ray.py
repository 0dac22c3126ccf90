"""The executor on Ray: one task a trial, and in each Ray process one killable worker that does the work."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import logging
import os
import pickle
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import psutil

from ..core.errors import UserError
from ..core.fingerprint import available_cores
from ..core.trial import Status, WorkerLost
from . import machine
from .worker import Worker, unpack

R = TypeVar("R")

_OBJECT_STORE_BYTES = 100 << 20
_CONNECT_SECONDS = 5.0
_EXIT_SECONDS = 5.0


class Ray:
    """Runs works as Ray tasks: on a Ray of its own on this machine, or on the cluster at `address`.

    `slots=None` is one for each core, at most 8 (on a cluster: its CPUs); `memory_bytes=None` is an equal share of
    half of the memory of the machine that a work runs on.
    """

    def __init__(self, address: str | None = None, slots: int | None = None, memory_bytes: int | None = None) -> None:
        machine.check(slots, memory_bytes)
        self._address = address
        self._slots = slots
        self._memory_bytes = memory_bytes
        # Only this thread speaks with Ray; it stays, since Ray's processes die with the thread that started them.
        self._thread: ThreadPoolExecutor | None = None
        self._pending: set[Future[Any]] = set()

    @property
    def slots(self) -> int:
        """How many works run at once; asked of the cluster where that alone can tell."""
        if self._slots is None and self._address is not None:
            return self._connection.result().cpus
        return machine.slots(self._slots)

    @property
    def remote(self) -> bool:
        return self._address is not None

    def start(self, preload: Sequence[str]) -> None:
        """Begin to connect; returns at once. A cluster that cannot be reached is every future's UserError."""
        if importlib.util.find_spec("ray") is None:
            raise UserError("executor=ray needs the package ray; install it or choose executor=local")
        memory_bytes = self._memory_bytes
        if memory_bytes is None and self._address is None:
            memory_bytes = machine.memory_share(self.slots)
        settings = _Settings(tuple(preload), memory_bytes, tuple(sys.path), os.environ.get("OMP_NUM_THREADS"))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ray")
        self._connection = self._thread.submit(_Connection, self._address, self._slots, settings)

    def submit(self, work: Callable[[], R], deadline_seconds: float) -> Future[R]:
        """Queue `work` as a task; see `Worker.run` for what the future raises."""
        if self._thread is None:
            raise RuntimeError("submit before start, or after close")
        future: Future[R] = Future()
        future.set_running_or_notify_cancel()  # Ray has it from here on
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)
        self._thread.submit(self._launch, future, work, deadline_seconds)
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

    def _launch(self, future: Future[R], work: Callable[[], R], deadline_seconds: float) -> None:
        if self._thread is not None:
            try:
                reply = self._connection.result().submit(pickle.dumps(work), deadline_seconds)
            except Exception as error:
                future.set_exception(error)
            else:
                reply.add_done_callback(functools.partial(_deliver, future))

    def _disconnect(self) -> None:
        if self._connection.exception() is None:
            self._connection.result().close()


@dataclass(frozen=True, slots=True)
class _Settings:
    """What a Ray process must know to make its worker as the driver would."""

    preload: tuple[str, ...]
    memory_bytes: int | None
    path: tuple[str, ...]
    openmp_threads: str | None
    """The driver's OMP_NUM_THREADS; without one Ray sets its own for the time of a task."""


class _Connection:
    """This process as a driver of Ray."""

    def __init__(self, address: str | None, slots: int | None, settings: _Settings) -> None:
        """Blocks until connected. Raises UserError when there is no cluster at `address`."""
        before = dict(os.environ)
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # the processes to come send nothing home
        import ray
        import ray._private.ray_constants

        # A Ray of our own listens on the loopback interface alone, as Ray itself arranges it on desktop systems.
        ray._private.ray_constants.ENABLE_RAY_CLUSTER = address is not None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if address is not None:
            try:
                _check_listener(address)
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
            except (OSError, ValueError) as error:
                raise UserError(f"no Ray cluster answers at executor.address={address}: {error}") from None
        else:
            self._folder = tempfile.TemporaryDirectory(prefix="mlopt-ray-", ignore_cleanup_errors=True)
            ray.init(
                address="local",
                num_cpus=machine.slots(slots),
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                object_store_memory=_OBJECT_STORE_BYTES,
                _temp_dir=self._folder.name,
                _system_config={
                    "memory_monitor_refresh_ms": 0,  # the workers have limits of their own
                    "worker_niceness": 0,  # a kernel is timed at the priority that the driver has
                    "kill_child_processes_on_worker_exit": False,  # the nurseries clear up more thoroughly
                },
            )
        self.cpus = int(ray.cluster_resources()["CPU"])  # type: ignore[no-untyped-call]
        self._task = ray.remote(max_retries=0)(_work)
        self._settings = settings
        self._environment = {
            name: before.get(name)
            for name, value in os.environ.items()
            if name.startswith(("RAY_", "PYTHONBREAKPOINT")) and before.get(name) != value
        }

    def submit(self, work: bytes, deadline_seconds: float) -> Future[bytes | WorkerLost]:
        """One task, never tried again."""
        reply: Future[bytes | WorkerLost] = self._task.remote(work, deadline_seconds, self._settings).future()
        return reply

    def close(self) -> None:
        """Leave the cluster, or end it when it is our own; and undo what Ray has set in this process's environment."""
        import ray

        processes = [] if self._folder is None else _below(self._folder.name)
        ray.shutdown()
        for process in psutil.wait_procs(processes, _EXIT_SECONDS)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self._folder is not None:
            self._folder.cleanup()
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _check_listener(address: str) -> None:
    """Raise OSError or ValueError unless something listens at [ray://]HOST:PORT; Ray itself would try for minutes."""
    host, port = address.removeprefix("ray://").rsplit(":", 1)
    socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()


def _below(folder: str) -> list[psutil.Process]:
    """Our child processes that were given a file in `folder`, and all their descendants."""
    processes = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(folder in argument for argument in child.cmdline()):
                processes += [child, *child.children(recursive=True)]
    return processes


def _work(work: bytes, deadline_seconds: float, settings: _Settings) -> bytes | WorkerLost:
    """The Ray task. A loss is returned, not raised, so that what Ray raises is always Ray's own."""
    try:
        return _worker(settings).exchange(work, deadline_seconds)
    except WorkerLost as loss:
        return loss


@functools.cache
def _worker(settings: _Settings) -> Worker:
    """The worker of this Ray process."""
    sys.path.extend(entry for entry in settings.path if entry not in sys.path)
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    if settings.openmp_threads is not None:
        environment["OMP_NUM_THREADS"] = settings.openmp_threads
    memory_bytes = settings.memory_bytes or machine.memory_share(available_cores())
    return Worker(settings.preload, memory_bytes, environment)


def _deliver(future: Future[Any], reply: Future[bytes | WorkerLost]) -> None:
    """Pass on what a task came to."""
    from ray.exceptions import RayError, RayTaskError

    try:
        answer = reply.result()
        if isinstance(answer, WorkerLost):
            raise answer
        result = unpack(answer)
    except RayTaskError as error:
        future.set_exception(error.cause)
    except RayError as error:
        future.set_exception(WorkerLost(Status.CRASH, f"Ray lost the worker: {str(error).splitlines()[0]}"))
    except Exception as error:
        future.set_exception(error)
    else:
        future.set_result(result)
