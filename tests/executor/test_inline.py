"""The executor without workers."""

from __future__ import annotations

import functools
import os
import threading

import doubles
import pytest

from mlopt.core.errors import CompileError, UserError
from mlopt.executor import device
from mlopt.executor.inline import Inline
from mlopt.protocols import Executor


@pytest.fixture
def executor() -> Executor:
    executor = Inline()
    executor.start(["no such module"])
    return executor


def take_time() -> None:
    with device.alone():
        pass


def test_works_run_at_once_in_this_process_one_after_another(executor: Executor) -> None:
    assert executor.slots == 1
    future = executor.submit(lambda: (os.getpid(), threading.get_ident()), 1.0)
    assert future.done()
    assert future.result() == (os.getpid(), threading.get_ident())
    executor.close()
    executor.close()


def test_what_a_work_raised_comes_back(executor: Executor) -> None:
    error = executor.submit(functools.partial(doubles.fail, CompileError("no such pass")), 1.0).exception()
    assert type(error) is CompileError


def test_an_interruption_ends_the_study_as_it_would_elsewhere(executor: Executor) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        executor.submit(interrupt, 1.0)


@pytest.mark.usefixtures("own_device")
def test_this_process_is_never_stopped_for_others_to_take_time(executor: Executor) -> None:
    def registered() -> str:
        with device.shared():
            return doubles.stands()

    assert executor.submit(registered, 1.0).result() == ""
    assert registered() == "shared"


@pytest.mark.usefixtures("own_device")
def test_what_takes_time_belongs_into_workers(executor: Executor) -> None:
    error = executor.submit(take_time, 1.0).exception()
    assert isinstance(error, UserError)
    assert "executor=local" in str(error)
    take_time()
