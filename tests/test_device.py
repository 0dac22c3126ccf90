"""The right to a device, across processes."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
from doubles import WAITS, Holder

from mlopt.core.trial import WorkerLost
from mlopt.executor.worker import Worker

pytestmark = pytest.mark.usefixtures("own_device")
Hold = Callable[..., Holder]
SLEEP_ALONE = "import time\nfrom mlopt import device\nwith device.alone(): time.sleep({})"


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Starts a process that wants the device."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(Holder(*arguments))


@pytest.mark.parametrize(("first", "second"), [("alone", "alone"), ("alone", "shared"), ("shared", "alone")])
def test_alone_excludes_everybody_until_the_end(hold: Hold, first: str, second: str) -> None:
    holder = hold(first)
    assert holder.holds()
    waiting = hold(second)
    assert not waiting.holds(WAITS)
    holder.leave()
    assert waiting.holds()


def test_shared_is_shared(hold: Hold) -> None:
    assert hold("shared").holds()
    assert hold("shared").holds()


def test_a_stream_of_sharers_does_not_keep_a_loner_out(hold: Hold) -> None:
    sharer = hold("shared")
    assert sharer.holds()
    loner = hold("alone")
    assert not loner.holds(WAITS)
    late_sharer = hold("shared")
    assert not late_sharer.holds(WAITS)
    sharer.leave()
    assert loner.holds()
    assert not late_sharer.holds(WAITS)
    loner.leave()
    assert late_sharer.holds()


def test_the_right_ends_with_its_holder(hold: Hold) -> None:
    holder = hold("alone")
    assert holder.holds()
    holder.process.kill()
    assert hold("alone").holds()


def test_who_waits_can_be_killed_too(hold: Hold) -> None:
    holder = hold("shared")
    assert holder.holds()
    loner = hold("alone")
    assert not loner.holds(WAITS)
    loner.process.kill()
    assert hold("shared").holds()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="takes two cores")
def test_a_device_is_the_cores_that_a_process_may_use(hold: Hold) -> None:
    one, other, *_ = sorted(os.sched_getaffinity(0))
    assert hold("alone", [one]).holds()
    assert hold("alone", [other]).holds()
    assert not hold("shared", [one, other]).holds(WAITS)


def test_waiting_does_not_count_towards_a_deadline(hold: Hold) -> None:
    holder = hold("alone")
    assert holder.holds()
    worker = Worker(["mlopt.device"])
    worker.run(int, 60.0)
    with ThreadPoolExecutor() as pool, closing(worker):
        future = pool.submit(worker.run, functools.partial(exec, SLEEP_ALONE.format(0), {}), 0.5)
        time.sleep(1.0)
        assert not future.done()
        holder.leave()
        future.result(60.0)
        with pytest.raises(WorkerLost, match="deadline"):
            worker.run(functools.partial(exec, SLEEP_ALONE.format(60), {}), 0.5)
