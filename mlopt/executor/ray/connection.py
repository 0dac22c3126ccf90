"""This process as a driver of Ray: of one that it starts on this machine, or of one that runs already."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from ...core.errors import UserError
from . import listener, task
from .luggage import packages

if TYPE_CHECKING:
    import psutil

_OBJECT_STORE_BYTES = 100 << 20
_EXIT_SECONDS = 5.0
_BACK_SECONDS = 30.0
"""How long a cluster may do without its head, for somebody to start it again."""
_ALONE_SECONDS = 3600
"""How long Ray's processes may, ours among them; by default Ray ends them after a minute."""
_NODE = "ray.io/node-id"

# The way of Python itself, which is open to any thread; `signal.signal` is to the main one.
_handler = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_int)(("PyOS_getsig", ctypes.pythonapi))
_set_handler = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(("PyOS_setsig", ctypes.pythonapi))


class Connection:
    """Ray on this machine (`address=None`), started with `cpus` cores for its tasks, or the one at `address`.

    The machines of a cluster are sent mlopt and the plugins dropped in, unless it is `here`: on this machine alone.
    Used by one thread, the one that made it.
    """

    def __init__(self, address: str | None, cpus: int, here: bool) -> None:
        """Blocks until connected. Raises UserError when there is no cluster at `address`."""
        before = dict(os.environ)
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # the processes to come send nothing home
        if here and address is not None:  # which asks for a token, as every Ray does that is started here
            os.environ.setdefault("RAY_AUTH_MODE", "token")
        if address is not None:  # one attempt, which takes Ray up to a minute: by default there are twenty
            os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "1")
            os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(_ALONE_SECONDS))
        import ray
        import ray._private.ray_constants
        import ray.exceptions

        # A Ray of our own listens on the loopback interface alone, as Ray itself arranges it on desktop systems.
        ray._private.ray_constants.ENABLE_RAY_CLUSTER = not here
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if address is None:
            self._folder = tempfile.TemporaryDirectory(prefix="mlopt-ray-", ignore_cleanup_errors=True)
            with _sigterm_kept(), _muted():
                _start(self._folder.name, cpus)
        else:
            try:
                listener.check(address)
                with _sigterm_kept(), _muted():
                    ray.init(
                        address=address,
                        log_to_driver=False,
                        logging_level=logging.ERROR,
                        runtime_env=None if here else {"py_modules": packages()},
                    )
            except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
                raise UserError(f"no Ray cluster answers at executor.address={address}: {error}") from None
        self._head = address or self.address
        self._back_seconds = 0.0 if here else _BACK_SECONDS
        self._task = ray.remote(max_retries=0)(task.run)
        self._environment = {
            name: before.get(name)
            for name, value in os.environ.items()
            if name.startswith(("RAY_", "PYTHONBREAKPOINT")) and before.get(name) != value
        }

    @property
    def address(self) -> str:
        """Where other processes of this machine reach the same Ray."""
        import ray

        return str(ray.get_runtime_context().gcs_address)

    def nodes(self) -> Mapping[str, Mapping[str, float]]:
        """What each machine that is there has for works, such as CPU and GPU, by its id; none once Ray has ended."""
        import ray

        if not self._has_head():  # whom Ray itself would ask, and wait for
            return {}
        return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}  # type: ignore[no-untyped-call]

    def _has_head(self) -> bool:
        """Whether the process answers that knows all of Ray's machines; waits for one that may come back."""
        end = time.monotonic() + self._back_seconds
        while True:
            try:
                listener.check(self._head)
            except OSError:
                if time.monotonic() >= end:
                    return False
                time.sleep(1.0)
            else:
                return True

    def submit(
        self, work: bytes, deadline_seconds: float, settings: task.Settings, needs: task.Needs, avoid: Sequence[str]
    ) -> Future[task.Reply]:
        """One task, never tried again by Ray itself, on any node but those to `avoid`."""
        options: dict[str, Any] = {"num_cpus": needs.cores, "num_gpus": needs.gpus}
        if avoid:
            options["label_selector"] = {_NODE: f"!in({','.join(sorted(avoid))})"}
        reply: Future[task.Reply] = self._task.options(**options).remote(work, deadline_seconds, settings).future()
        return reply

    def close(self) -> None:
        """Leave the cluster, or end it when it is our own; and undo what Ray has set in this process's environment."""
        import psutil
        import ray

        processes = [] if self._folder is None else _below(self._folder.name)
        patience = _EXIT_SECONDS if processes and self._has_head() else 0.0  # without one, they would wait for it
        ray.shutdown()
        for process in psutil.wait_procs(processes, patience)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self._folder is not None:
            self._folder.cleanup()
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _sigterm_kept() -> Iterator[None]:
    """What this process does on SIGTERM stays its own; Ray would print its stack, and end it there and then.

    So it does for the last milliseconds of its start, which nobody can interrupt.
    """
    before = _handler(signal.SIGTERM)
    try:
        yield
    finally:
        _set_handler(signal.SIGTERM, before)


def _start(folder: str, cpus: int) -> None:
    """A Ray of our own, which keeps its files in `folder`."""
    with _bare():
        _init(folder, cpus)


@contextlib.contextmanager
def _instead(*changes: tuple[Any, str, Any]) -> Iterator[None]:
    """Put something else in the place of attributes, where an owner has one of that name, while the block lasts."""
    replaced = [(owner, name, getattr(owner, name)) for owner, name, _ in changes if hasattr(owner, name)]
    for owner, name, other in changes:
        if hasattr(owner, name):
            setattr(owner, name, other)
    try:
        yield
    finally:
        for owner, name, own in replaced:
            setattr(owner, name, own)


def _bare() -> contextlib.AbstractContextManager[None]:
    """Leave out what Ray starts for clusters, and waits for: half of the time that it takes to start.

    It always starts a dashboard, if only without pages, the autoscaler, and who reads its logs; it has no setting for
    that. Where a version of Ray has other names for them, they are started.
    """
    import ray._private.node
    import ray._private.services

    node = ray._private.node.Node
    return _instead(
        (ray._private.services, "start_api_server", lambda *arguments, **keys: ("", None)),
        (node, "start_monitor", lambda self: None),
        (node, "start_log_monitor", lambda self: None),
    )


def _muted() -> contextlib.AbstractContextManager[None]:
    """Leave out who prints what becomes of machines, with their logs: the terminal is the study's."""
    import ray._private.worker

    return _instead((ray._private.worker, "listen_error_messages", lambda worker, stopped: None))


def _init(folder: str, cpus: int) -> None:
    import ray

    ray.init(
        address="local",
        num_cpus=cpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=_OBJECT_STORE_BYTES,
        _temp_dir=folder,
        _system_config={
            "memory_monitor_refresh_ms": 0,  # the workers have limits of their own
            "gcs_rpc_server_reconnect_timeout_s": _ALONE_SECONDS,
            "worker_niceness": 0,  # a kernel is timed at the priority that the driver has
            "kill_child_processes_on_worker_exit": False,  # the nurseries clear up more thoroughly
        },
    )


def _below(folder: str) -> list[psutil.Process]:
    """Our child processes that were given a file in `folder`, and all their descendants."""
    import psutil

    processes = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(folder in argument for argument in child.cmdline()):
                processes += [child, *child.children(recursive=True)]
    return processes
