"""The right to one of several accelerators, across processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psutil
import pytest
from doubles import WAITS, Holder

from mlopt.executor import accelerator, device

pytestmark = pytest.mark.usefixtures("own_device")
Hold = Callable[..., Holder]


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Starts a process that wants one of these accelerators."""
    with ExitStack() as stack:
        yield lambda *names: stack.enter_context(Holder("", accelerators=names))


def test_as_many_take_time_at_once_as_there_are_accelerators_and_no_more(hold: Hold) -> None:
    first, second = hold("a", "b"), hold("a", "b")
    assert first.holds()
    assert second.holds()
    third = hold("b", "a")
    assert not third.holds(WAITS)
    second.leave()
    assert third.holds()


def test_each_has_one_of_those_that_it_named(hold: Hold) -> None:
    assert hold("a").holds()
    assert not hold("a").holds(WAITS)
    with accelerator.one_of(["a", "b"]) as name:
        assert name == "b"
        waiting = hold("b")
        assert not waiting.holds(WAITS)
    assert waiting.holds()


def test_those_beside_one_another_have_cores_of_their_own(hold: Hold) -> None:
    before = os.sched_getaffinity(0)
    if len(before) < 2:
        pytest.skip("there is one core alone")
    with accelerator.one_of(["a", "b"]), accelerator.one_of(["b", "a"]):
        pass  # within one process, too: a lock belongs to a descriptor
    holder = hold("a", "b")
    assert holder.holds()
    theirs = os.sched_getaffinity(holder.process.pid)
    with accelerator.one_of(["a", "b"]):
        assert not theirs & os.sched_getaffinity(0)
    assert os.sched_getaffinity(0) == before


def test_who_takes_time_on_the_cpu_stops_them(hold: Hold) -> None:
    holder = hold("a")
    assert holder.holds()
    with Holder("alone") as loner:
        assert loner.holds()
        assert psutil.Process(holder.process.pid).status() == psutil.STATUS_STOPPED
        loner.leave()
    assert psutil.Process(holder.process.pid).status() != psutil.STATUS_STOPPED


def test_compilers_go_on_beside_them(hold: Hold) -> None:
    with Holder("shared") as builder:
        assert builder.holds()
        assert hold("a").holds()
        assert psutil.Process(builder.process.pid).status() != psutil.STATUS_STOPPED


def test_who_has_one_goes_on_with_it_and_others_have_the_rest(hold: Hold) -> None:
    with accelerator.held(["a", "b"]) as name, accelerator.held(["b", "a"]) as again:
        assert (name, again) == ("a", "a")
        waiting = hold("a")
        assert hold("b").holds()
        assert not waiting.holds(WAITS)
    assert waiting.holds()


def test_who_has_all_cores_has_the_first_one_whoever_stands_still_with_it(hold: Hold) -> None:
    holder = hold("a")
    assert holder.holds()
    with device.alone():
        assert psutil.Process(holder.process.pid).status() == psutil.STATUS_STOPPED
        with accelerator.held(["a", "b"]) as name:
            assert name == "a"
