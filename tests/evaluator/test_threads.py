"""Calls that take more CPU time than the threads of a kernel have are told from those that the system counts late."""

from __future__ import annotations

import pytest

from mlopt.core.errors import WrongResult
from mlopt.evaluator.threads import DECIDED_SECONDS, Threads


def counted(most: int | None, cpu: float, wall: float, calls: int = 1, cores: int = 8, delay: float = 0.0) -> Threads:
    """After so many calls, each of so many seconds."""
    clocks = (iter([x * seconds for x in range(2 * calls)]) for seconds in (wall, cpu, delay))
    threads = Threads(most, cores, *(clock.__next__ for clock in clocks))
    for _ in range(calls):
        threads.begin()
        threads.end()
    return threads


@pytest.mark.parametrize(("most", "used"), [(1, 2.0), (1, 1.2), (2, 3.0), (4, 6.0)])
def test_more_threads_than_allowed_are_found_out(most: int, used: float) -> None:
    with pytest.raises(WrongResult, match=f"{used:.2g} threads where it has {most}"):
        counted(most, used, 1.0).verify()


@pytest.mark.parametrize(("most", "used"), [(1, 1.0), (1, 1.1), (2, 2.1), (4, 1.0), (8, 9.0), (None, 8.0)])
def test_the_threads_that_are_allowed_are_no_fault(most: int | None, used: float) -> None:
    threads = counted(most, used, 1.0)
    threads.verify()
    assert not threads.in_doubt


def test_a_tick_that_falls_into_a_short_call_proves_nothing() -> None:
    threads = counted(2, 0.004, 0.001)
    threads.verify()
    assert threads.in_doubt


def test_a_doubt_ends_with_time() -> None:
    assert counted(1, 0.0112, 0.01, int(0.9 * DECIDED_SECONDS / 0.01)).in_doubt
    threads = counted(1, 0.0112, 0.01, int(1.1 * DECIDED_SECONDS / 0.01))
    assert not threads.in_doubt
    threads.verify()


def test_time_without_a_core_is_no_excuse() -> None:
    counted(1, 0.4, 1.0, delay=0.5).verify()
    counted(2, 1.5, 1.0, delay=0.5).verify()
    with pytest.raises(WrongResult):
        counted(1, 0.9, 1.0, delay=0.5).verify()


def test_what_is_done_between_the_calls_does_not_count() -> None:
    threads = Threads(1, 8, iter([0.0, 1.0, 1.0, 2.0]).__next__, iter([0.0, 1.0, 9.0, 10.0]).__next__, lambda: 0.0)
    for _ in range(2):
        threads.begin()
        threads.end()
    threads.verify()
    assert not threads.in_doubt
