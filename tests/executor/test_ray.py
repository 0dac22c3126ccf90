from __future__ import annotations

import functools
import math
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from mlopt.core.errors import UserError
from mlopt.core.trial import Status
from mlopt.executor.ray import Ray, connection, listener
from mlopt.protocols import Executor
from mlopt.testing.executor import PATIENCE, ExecutorContract, assert_costs_its_own_work_only


class TestRay(ExecutorContract):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def environment_is_as_before_in_the_end(cls) -> Iterator[None]:
        before = {**os.environ, "PYTEST_CURRENT_TEST": ""}
        yield
        assert {**os.environ, "PYTEST_CURRENT_TEST": ""} == before

    def make(self, slots: int, memory_bytes: int) -> Executor:
        return Ray(slots=slots, memory_bytes=memory_bytes)

    def test_a_ray_process_that_dies_is_a_crash(self, executor: Executor) -> None:
        kill_the_ray_process = functools.partial(exec, "import psutil; psutil.Process().parent().parent().kill()")
        assert_costs_its_own_work_only(executor, kill_the_ray_process, PATIENCE, Status.CRASH)

    def test_a_work_sees_the_drivers_openmp_setting(self, executor: Executor) -> None:
        threads = executor.submit(functools.partial(os.getenv, "OMP_NUM_THREADS"), PATIENCE).result(PATIENCE)
        assert threads == os.environ.get("OMP_NUM_THREADS")

    def test_a_work_has_the_drivers_priority(self, executor: Executor) -> None:
        niceness = executor.submit(functools.partial(os.nice, 0), PATIENCE).result(PATIENCE)
        assert niceness == os.nice(0)

    def test_only_this_machine_can_reach_it(self, executor: Executor) -> None:
        executor.submit(int, PATIENCE).result(PATIENCE)
        listening = {
            connection.laddr.ip
            for process in psutil.Process().children(recursive=True)
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}

    def test_once_its_head_is_gone_it_has_ended(self, executor: Ray, monkeypatch: pytest.MonkeyPatch) -> None:
        assert executor.submit(int, PATIENCE).result(PATIENCE) == 0
        for name, value in {"_nodes": {}, "_room": 0, "_looked": -math.inf}.items():  # and as it was, afterwards
            monkeypatch.setattr(executor, name, value)
        monkeypatch.setattr(executor._connection.result(), "_head", "127.0.0.1:1")
        with pytest.raises(UserError, match="no machine is left to Ray"):
            executor.submit(int, PATIENCE).result(PATIENCE)

    def test_the_head_of_a_cluster_is_waited_for(self, executor: Ray, monkeypatch: pytest.MonkeyPatch) -> None:
        executor.submit(int, PATIENCE).result(PATIENCE)
        connected, away = executor._connection.result(), iter([ConnectionRefusedError()])
        monkeypatch.setattr(connected, "_back_seconds", PATIENCE)
        monkeypatch.setattr(listener, "check", lambda address: [_raise(error) for error in away])
        assert connected.nodes()

    def test_nobody_prints_what_becomes_of_its_machines(self, executor: Executor) -> None:
        executor.submit(int, PATIENCE).result(PATIENCE)
        assert "ray_listen_error_messages" not in {thread.name for thread in threading.enumerate()}


def _raise(error: Exception) -> None:
    raise error


def test_no_work_outlives_a_driver_that_is_killed(kill_driver: Callable[..., list[psutil.Process]]) -> None:
    agents = ("ray::Dashboard", "ray::RuntimeEnv")  # Ray's own, which take a minute to notice
    assert not kill_driver("from mlopt.executor.ray import Ray", "Ray(slots=1)", spare=agents)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_ray_is_being_started_ends_it_like_any_other(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    init, others = connection._init, set(psutil.Process().children(recursive=True))

    def interrupted(folder: str, cpus: int) -> None:
        from ray._private.node import Node  # here, since Ray's first import decides whether it knows of tokens

        start = Node.start_raylet

        def start_raylet(*arguments: Any, **options: Any) -> None:
            os.kill(os.getpid(), number)
            start(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(Node, "start_raylet", start_raylet)
            init(folder, cpus)

    monkeypatch.setattr(connection, "_init", interrupted)
    before, executor = signal.signal(number, signal.default_int_handler), Ray(slots=1)
    try:
        executor.start([])
        with pytest.raises(KeyboardInterrupt):
            executor.submit(int, PATIENCE).result(PATIENCE)
        executor.close()
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    assert set(psutil.Process().children(recursive=True)) <= others


def test_an_address_where_nothing_listens_is_a_mistake_of_the_user() -> None:
    executor = Ray(address="127.0.0.1:1")
    executor.start([])
    error = executor.submit(int, PATIENCE).exception(PATIENCE)
    executor.close()
    assert isinstance(error, UserError)
    assert "executor.address=127.0.0.1:1" in str(error)
