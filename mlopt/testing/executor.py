"""The contract of executors."""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import NoReturn

import psutil
import pytest

from ..core.errors import CompileError
from ..core.trial import Status, WorkerLost
from ..protocols import Executor

MEMORY_BYTES = 300 << 20
PATIENCE = 60.0
"""Seconds after which a work that should have ended long ago is a failure."""


class ExecutorContract(ABC):
    """What every executor promises a study. Subclass it as `Test...` and say how to make one."""

    @abstractmethod
    def make(self, slots: int, memory_bytes: int) -> Executor:
        """A fresh executor, not started; `memory_bytes` is the resident memory that one work may take."""

    @pytest.fixture(scope="class")
    @classmethod
    def executor(cls) -> Iterator[Executor]:
        """One with two slots, shared by the tests; how it ends is a test too."""
        before = set(psutil.Process().children(recursive=True))
        executor = cls().make(slots=2, memory_bytes=MEMORY_BYTES)
        executor.start([__name__])
        yield executor
        assert_closes(executor, before)

    def test_runs_as_many_works_at_once_as_it_has_slots(self, executor: Executor, tmp_path: Path) -> None:
        assert executor.slots == 2
        partners = [executor.submit(functools.partial(meet, tmp_path, name), PATIENCE) for name in ("ab", "ba")]
        assert [partner.result(PATIENCE) for partner in partners] == ["ab", "ba"]

    def test_results_come_back(self, executor: Executor) -> None:
        futures = [executor.submit(functools.partial(pow, base, 2), PATIENCE) for base in range(20)]
        assert [future.result(PATIENCE) for future in futures] == [base**2 for base in range(20)]

    def test_large_results_come_back(self, executor: Executor) -> None:
        assert executor.submit(functools.partial(bytes, 10 << 20), PATIENCE).result(PATIENCE) == bytes(10 << 20)

    def test_what_a_work_raised_comes_back_and_says_where(self, executor: Executor) -> None:
        error = executor.submit(functools.partial(refuse, "no such pass"), PATIENCE).exception(PATIENCE)
        assert type(error) is CompileError
        assert str(error) == "no such pass"
        assert "in refuse" in error.__notes__[0]

    def test_a_result_that_cannot_be_pickled_is_an_error_that_says_so(self, executor: Executor) -> None:
        error = executor.submit(threading.Lock, PATIENCE).exception(PATIENCE)
        assert "cannot be sent back" in str(error)
        assert "lock" in str(error)

    def test_an_exception_that_cannot_be_pickled_keeps_its_words(self, executor: Executor) -> None:
        error = executor.submit(raise_unpicklable, PATIENCE).exception(PATIENCE)
        assert str(error).endswith("Unpicklable: told in full")

    def test_a_work_that_cannot_be_pickled_fails_alone(self, executor: Executor) -> None:
        assert executor.submit(lambda: None, PATIENCE).exception(PATIENCE) is not None
        assert executor.submit(int, PATIENCE).result(PATIENCE) == 0

    def test_workers_are_kept_from_one_work_to_the_next(self, executor: Executor) -> None:
        pids = {executor.submit(os.getpid, PATIENCE).result(PATIENCE) for _ in range(10)}
        assert len(pids) <= executor.slots
        assert os.getpid() not in pids

    @pytest.mark.parametrize("fault", ["segfault", "abort", "exit", "sys_exit", "sigkill", "raise"])
    def test_a_dying_work_is_a_crash_and_takes_nothing_along(self, executor: Executor, fault: str) -> None:
        assert_costs_its_own_work_only(executor, FAULTS[fault], PATIENCE, Status.CRASH)

    @pytest.mark.parametrize("fault", ["spin", "native_hang"])
    def test_a_hung_work_times_out_and_takes_nothing_along(self, executor: Executor, fault: str) -> None:
        assert_costs_its_own_work_only(executor, FAULTS[fault], 0.3, Status.TIMEOUT)

    @pytest.mark.parametrize("fault", ["touch_memory", "reserve_memory", "bad_alloc"])
    def test_an_allocation_without_end_is_out_of_memory(self, executor: Executor, fault: str) -> None:
        assert_costs_its_own_work_only(executor, FAULTS[fault], PATIENCE, Status.OUT_OF_MEMORY)

    @pytest.mark.parametrize(
        ("fault", "words"),
        [("segfault", "SIGSEGV"), ("exit", "exited with code 3"), ("abort", "SIGABRT: all is lost")],
    )
    def test_a_crash_says_how_the_worker_died(self, executor: Executor, fault: str, words: str) -> None:
        error = executor.submit(FAULTS[fault], PATIENCE).exception(PATIENCE)
        assert isinstance(error, WorkerLost)
        assert words in error.message

    def test_a_work_whose_worker_is_killed_from_outside_is_done_once_more(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        future = executor.submit(functools.partial(hang_the_first_time, tmp_path / "pid"), PATIENCE)
        os.kill(read_pids(tmp_path / "pid")[0], signal.SIGKILL)
        assert future.result(PATIENCE) == "done"

    def test_a_work_whose_worker_is_killed_twice_is_a_crash(self, executor: Executor, tmp_path: Path) -> None:
        future = executor.submit(functools.partial(hang_with_company, tmp_path / "pids"), PATIENCE)
        for _ in range(2):
            (victim, _) = read_pids(tmp_path / "pids")
            (tmp_path / "pids").unlink()
            os.kill(victim, signal.SIGKILL)
        assert Status.of(future.exception(PATIENCE) or OSError()) is Status.CRASH

    def test_a_hung_work_is_gone_with_all_below_it_2_s_after_its_deadline(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        executor.submit(int, PATIENCE).result(PATIENCE)
        future = executor.submit(functools.partial(hang_with_company, tmp_path / "pids"), 1.0)
        pids = read_pids(tmp_path / "pids")
        begun = (tmp_path / "pids").stat().st_mtime
        assert isinstance(future.exception(PATIENCE), WorkerLost)
        assert time.time() < begun + 1.0 + 2.0
        assert not [pid for pid in pids if psutil.pid_exists(pid)]

    def test_the_deadline_does_not_run_in_the_queue(self, executor: Executor) -> None:
        futures = [executor.submit(functools.partial(time.sleep, 0.5), 1.2) for _ in range(3 * executor.slots)]
        assert [future.result(PATIENCE) for future in futures] == [None] * len(futures)

    def test_ctrl_c_is_left_to_the_driver(self, executor: Executor) -> None:
        assert executor.submit(interrupt, PATIENCE).result(PATIENCE) == "went on"

    def test_what_a_work_prints_stays_away_from_the_driver(
        self, executor: Executor, capfd: pytest.CaptureFixture[str]
    ) -> None:
        executor.submit(chatter, PATIENCE).result(PATIENCE)
        assert capfd.readouterr() == ("", "")


def assert_closes(executor: Executor, before: set[psutil.Process]) -> None:
    """Close `executor` while it works; see that this ends all works at once and no process but `before` remains."""
    futures = [executor.submit(functools.partial(time.sleep, PATIENCE), PATIENCE) for _ in range(executor.slots + 1)]
    executor.close()
    assert not wait(futures, timeout=1.0).not_done
    assert set(psutil.Process().children(recursive=True)) <= before
    executor.close()  # a second time changes nothing


def assert_costs_its_own_work_only(
    executor: Executor, fault: Callable[[], object], deadline_seconds: float, status: Status
) -> None:
    """Run `fault` among sound works, and see that it ends as `status` and they all succeed."""
    before = [executor.submit(functools.partial(pow, base, 2), PATIENCE) for base in range(3)]
    lost = executor.submit(fault, deadline_seconds)
    after = [executor.submit(functools.partial(pow, base, 2), PATIENCE) for base in range(3, 6)]
    error = lost.exception(PATIENCE)
    assert error is not None
    assert Status.of(error) is status
    assert [future.result(PATIENCE) for future in before + after] == [base**2 for base in range(6)]


def read_pids(file: Path) -> list[int]:
    """The process ids that `hang_with_company` writes, as soon as they are there."""
    end = time.monotonic() + PATIENCE
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.01)
    return [int(pid) for pid in file.read_text().split()]


# The works: what a worker is given to do.


def refuse(message: str) -> NoReturn:
    raise CompileError(message)


class Unpicklable(Exception):
    """Its constructor does not take what pickle would give it."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def raise_unpicklable() -> NoReturn:
    raise Unpicklable("told", "in full")


def meet(folder: Path, name: str) -> str:
    """Ends only while another one, whose name is reversed, runs too."""
    (folder / name).touch()
    while not (folder / name[::-1]).exists():
        time.sleep(0.01)
    return name


def interrupt() -> str:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)
    return "went on"


def chatter() -> None:
    for fd in (1, 2):
        os.write(fd, b"chatter\n" * 100_000)


def hang_the_first_time(file: Path) -> str:
    """Hangs after it has written its process id to `file`, unless that is there already."""
    if not file.exists():
        draft = file.with_suffix(".draft")
        draft.write_text(f"{os.getpid()}")
        draft.rename(file)
        native_hang()
    return "done"


def hang_with_company(file: Path) -> None:
    """Hangs in native code, with a child in a session of its own that does too; `file` gets both process ids."""
    parent = os.getpid()
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        draft = file.with_suffix(".draft")
        draft.write_text(f"{parent} {os.getpid()}")
        draft.rename(file)
    native_hang()


def native_hang() -> None:
    ctypes.PyDLL(None).pause()  # PyDLL keeps the interpreter's lock


def spin() -> None:
    while True:
        pass


def abort() -> None:
    os.write(2, b"all is lost\n")
    os.abort()


def bad_alloc() -> None:
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def touch_memory() -> None:
    kept = []
    while True:
        kept.append(b"x" * (1 << 20))


def sigkill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


FAULTS: dict[str, Callable[[], object]] = {
    "segfault": functools.partial(ctypes.string_at, 0),
    "abort": abort,
    "exit": functools.partial(os._exit, 3),
    "sys_exit": functools.partial(sys.exit, 3),
    "sigkill": sigkill,
    "raise": functools.partial(int, "no number"),
    "spin": spin,
    "native_hang": native_hang,
    "touch_memory": touch_memory,
    "reserve_memory": functools.partial(bytearray, 4 << 30),
    "bad_alloc": bad_alloc,
}
"""Every way for a work to go wrong."""

STATUSES = {
    "spin": Status.TIMEOUT,
    "native_hang": Status.TIMEOUT,
    "touch_memory": Status.OUT_OF_MEMORY,
    "reserve_memory": Status.OUT_OF_MEMORY,
    "bad_alloc": Status.OUT_OF_MEMORY,
}
"""What each of them ends as, where it is no crash."""
