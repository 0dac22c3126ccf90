"""The interleaved run: in turn, alone, and whatever becomes of one contender, the others go on."""

from __future__ import annotations

import functools
import math
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import pytest
from doubles import Holder, Sleeper, ToyBackend, ceases_to_write_later, fail, remembers, right, stands

from mlopt.core.comparison import FEWEST_PAIRS, Comparison
from mlopt.core.cores import placement
from mlopt.core.errors import WrongResult
from mlopt.core.schedule import Schedule
from mlopt.core.statistics import Estimate
from mlopt.core.trial import WorkerLost
from mlopt.executor.worker import Worker
from mlopt.finals import interleaved, timetable
from mlopt.finals.contender import KernelContender, Skipped, Turn
from mlopt.finals.interleaved import Absent, Course, contending, measure
from mlopt.finals.timetable import OutOfTime
from mlopt.workloads.matmul.workload import Matmul

SLOW = 0.31  # beyond SLOW_SECONDS
QUICK = ("quick", "other", "third")
CONTENDERS = [
    Sleeper("quick", 0.002),
    Sleeper("crashes when timed", calling=os.abort),
    Sleeper("other", 0.004),
    Sleeper("slow", SLOW),
    Sleeper("skipped", preparing=functools.partial(fail, Skipped("there is no compiler"))),
    Sleeper("wrong", preparing=functools.partial(fail, WrongResult("output 0"))),
    Sleeper("crashes early", preparing=os.abort),
    Sleeper("third", 0.002),
    Sleeper("wrong in the end", verifying=functools.partial(fail, WrongResult("output 1"))),
    Sleeper("crashes in the end", verifying=os.abort),
    Sleeper("raises when timed", calling=functools.partial(fail, ZeroDivisionError("a bug"))),
]


class Finals(NamedTuple):
    estimates: dict[str, Estimate]
    absent: Absent
    turns: list[str]
    """Whose turn it was, in order."""
    awake: list[int]
    """How many of the workers were not stopped at each turn."""
    left: list[psutil.Process]


def awake() -> int:
    """How many of the processes that work are not stopped; one may be on its way, so wait a little."""
    end = time.monotonic() + 1.0
    while True:
        workers = [child for nursery in psutil.Process().children() for child in nursery.children()]
        count = sum(worker.status() != psutil.STATUS_STOPPED for worker in workers)
        if count <= 1 or time.monotonic() > end:
            return count
        time.sleep(0.001)


class Spy(Worker):
    turns: list[str]
    awake: list[int]

    def run(self, work: Callable[[], Any], deadline_seconds: float, patience_seconds: float = math.inf) -> Any:
        if isinstance(work, Turn):
            self.turns.append(work.name)
            self.awake.append(awake())
        return super().run(work, deadline_seconds, patience_seconds)


@pytest.fixture(scope="module")
def finals(tmp_path_factory: pytest.TempPathFactory) -> Finals:
    before = set(psutil.Process().children(recursive=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("locks")))
        patch.setattr("tempfile.tempdir", None)
        patch.setattr(interleaved, "Worker", Spy)
        patch.setattr(interleaved, "SECONDS", 0.0)
        Spy.turns, Spy.awake = [], []
        courses, absent = measure(CONTENDERS, np.random.default_rng(0))
    left = [process for process in psutil.Process().children(recursive=True) if process not in before]
    return Finals({name: course.estimate for name, course in courses.items()}, absent, Spy.turns, Spy.awake, left)


def test_each_has_a_time_or_a_reason(finals: Finals) -> None:
    assert set(finals.estimates) == {*QUICK, "slow"}
    assert set(finals.absent) == {contender.name for contender in CONTENDERS} - set(finals.estimates)


def test_the_reasons_are_what_was_raised_and_how_they_died(finals: Finals) -> None:
    kinds = {name: type(error) for name, error in finals.absent.items()}
    assert kinds == {
        "skipped": Skipped,
        "wrong": WrongResult,
        "crashes early": WorkerLost,
        "crashes when timed": WorkerLost,
        "raises when timed": ZeroDivisionError,
        "wrong in the end": WrongResult,
        "crashes in the end": WorkerLost,
    }
    assert str(finals.absent["skipped"]) == "there is no compiler"
    assert "SIGABRT" in str(finals.absent["crashes when timed"])


def test_the_times_are_those_of_the_calls(finals: Finals) -> None:
    for name, least in (("quick", 0.002), ("other", 0.003), ("third", 0.002), ("slow", SLOW)):
        estimate = finals.estimates[name]
        assert least <= estimate.low <= estimate.seconds <= estimate.high
        assert estimate.seconds < least + 0.1


def test_in_a_round_each_has_one_turn_and_the_order_changes(finals: Finals) -> None:
    turns = [name for name in finals.turns if name in QUICK]
    rounds = [tuple(turns[start : start + 3]) for start in range(0, len(turns), 3)]
    assert all(set(names) == set(QUICK) for names in rounds)
    assert len(set(rounds)) > 2


def test_the_first_round_is_in_the_order_given(finals: Finals) -> None:
    ready = [c.name for c in CONTENDERS if c.name not in ("skipped", "wrong", "crashes early")]
    assert finals.turns[: len(ready)] == ready


def test_the_number_of_rounds_is_bounded_and_the_slow_ones_leave_early(finals: Finals) -> None:
    turns = Counter(finals.turns)
    assert {turns[name] for name in QUICK} == {interleaved.FEWEST_ROUNDS}
    assert turns["slow"] == FEWEST_PAIRS
    assert turns["crashes when timed"] == turns["raises when timed"] == 1
    assert turns["skipped"] == turns["wrong"] == turns["crashes early"] == 0


def test_while_one_is_timed_the_others_are_stopped(finals: Finals) -> None:
    assert set(finals.awake) == {1}


def test_nothing_is_left_behind(finals: Finals) -> None:
    assert finals.left == []


@pytest.mark.usefixtures("own_device")
def test_a_kernel_that_stops_computing_when_it_is_timed_has_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaved, "FEWEST_ROUNDS", 2)
    monkeypatch.setattr(interleaved, "SECONDS", 0.0)
    makes = {"honest": right, "lazy": ceases_to_write_later, "forgetful": remembers}
    contenders = [
        KernelContender(name, ToyBackend(make=make), Matmul(16, 16, 16), Schedule.of({"number": 0}), "warm")
        for name, make in makes.items()
    ]
    courses, absent = measure(contenders, np.random.default_rng(0))
    assert set(courses) == {"honest"}
    assert {name: type(error) for name, error in absent.items()} == {"lazy": WrongResult, "forgetful": WrongResult}


@pytest.mark.usefixtures("own_device")
@pytest.mark.parametrize(("total", "turns"), [(0.0, 1), (60.0, 7)])
def test_a_slow_one_takes_no_more_than_its_share_of_time(
    total: float, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interleaved, "Worker", Spy)
    monkeypatch.setattr(interleaved, "FEWEST_ROUNDS", 8)
    monkeypatch.setattr(interleaved, "SECONDS", 0.0)
    monkeypatch.setattr(interleaved, "SLOW_TOTAL_SECONDS", total)
    Spy.turns, Spy.awake = [], []
    courses, _ = measure([Sleeper("slow", SLOW)], np.random.default_rng(0))
    assert len(Spy.turns) == turns == len(courses["slow"].medians)


def test_a_turn_that_would_not_end_in_time_is_not_begun() -> None:
    assert not Course([15.0] * 3, [15.0] * 3).over(60.0)
    assert Course([15.0] * 3, [16.0] * 3).over(60.0)


def test_a_slow_one_leaves_no_sooner_than_it_can_be_told_from_a_faster_one() -> None:
    turns = 0
    while not Course([0.4] * turns, [0.4] * turns).over(60.0):
        turns += 1
    assert Comparison.of([0.3] * turns, [0.4] * turns).winner == 0
    assert Comparison.of([0.3] * (turns - 1), [0.4] * (turns - 1)).winner is None


def test_one_disturbed_turn_does_not_make_a_contender_slow() -> None:
    assert Course([0.1] * 9, [1.0] * 9).over(60.0)
    assert not Course([0.1] * 9, [0.1, *[1.0] * 8]).over(60.0)


def enter(file: Path) -> None:
    """Note how the device is held, once."""
    if not file.exists():
        file.write_text(stands())


@pytest.mark.usefixtures("own_device")
def test_time_is_taken_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaved, "FEWEST_ROUNDS", 1)
    monkeypatch.setattr(interleaved, "SECONDS", 0.0)
    _, absent = measure(
        [Sleeper("noting", calling=functools.partial(enter, tmp_path / "note"))], np.random.default_rng(0)
    )
    assert not absent
    assert (tmp_path / "note").read_text() == "alone"


def note_cores(file: Path) -> None:
    file.write_text(str(sorted(os.sched_getaffinity(0))))


@pytest.mark.usefixtures("own_device")
def test_time_is_taken_on_a_fixed_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaved, "FEWEST_ROUNDS", 1)
    monkeypatch.setattr(interleaved, "SECONDS", 0.0)
    measure([Sleeper("one", 0.001, functools.partial(note_cores, tmp_path / "note"))], np.random.default_rng(0))
    free = (tmp_path / "note").read_text()
    measure([Sleeper("one", 0.001, calling=functools.partial(note_cores, tmp_path / "note"))], np.random.default_rng(0))
    assert (tmp_path / "note").read_text() == str(list(placement()[:1])) or not placement()
    assert free == str(sorted(os.sched_getaffinity(0)))


@pytest.mark.usefixtures("own_device")
def test_precise_times_end_it_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaved, "Worker", Spy)
    monkeypatch.setattr(interleaved, "FEWEST_ROUNDS", 2)
    monkeypatch.setattr(interleaved, "MOST_ROUNDS", 4)
    for precision, rounds in ((10.0, 2), (0.0, 4)):
        monkeypatch.setattr(interleaved, "PRECISION", precision)
        Spy.turns, Spy.awake = [], []
        measure([Sleeper("one", 0.001)], np.random.default_rng(0))
        assert len(Spy.turns) == rounds


def test_who_is_slow_or_far_behind_is_not_waited_for() -> None:
    def course(seconds: float, lasted: float = 0.1) -> Course:
        return Course([seconds] * 10, [lasted] * 20)

    assert contending({"a": course(1.0), "b": course(1.9), "c": course(2.1)}) == {"a", "b"}
    assert contending({"a": course(1.0, lasted=1.0), "b": course(1.9), "c": course(2.1)}) == {"b", "c"}
    assert contending({"a": course(1.0, lasted=1.0)}) == contending({}) == set()


@pytest.mark.usefixtures("own_device")
def test_who_is_far_behind_leaves_when_its_time_is_known_well_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaved, "FEWEST_ROUNDS", 3)
    monkeypatch.setattr(interleaved, "MOST_ROUNDS", 5)
    monkeypatch.setattr(interleaved, "PRECISION", 0.0)
    courses, _ = measure([Sleeper("one", 0.001), Sleeper("far", 0.02)], np.random.default_rng(0))
    assert [len(courses[name].medians) for name in ("one", "far")] == [5, 3]


@pytest.mark.usefixtures("own_device")
def test_nobody_at_all_is_no_mistake() -> None:
    assert measure([], np.random.default_rng(0)) == ({}, {})


def hang(file: Path) -> None:
    file.touch()
    time.sleep(600.0)


@pytest.mark.usefixtures("own_device")
@pytest.mark.parametrize("stage", ["preparing", "calling", "verifying"])
def test_the_seconds_end_it_whatever_is_under_way(tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaved, "FEWEST_ROUNDS", 1)
    monkeypatch.setattr(interleaved, "SECONDS", 0.0)
    before = set(psutil.Process().children(recursive=True))
    hanging = functools.partial(hang, tmp_path / "hangs")
    courses, absent = measure([Sleeper("one", **{stage: hanging})], np.random.default_rng(0), 2.0)
    assert not courses
    assert isinstance(absent["one"], OutOfTime)
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.mark.usefixtures("own_device")
def test_a_device_that_somebody_keeps_is_waited_for_no_longer_than_the_seconds() -> None:
    with Holder("alone") as holder:
        assert holder.holds()
        courses, absent = measure([Sleeper("one", 0.001)], np.random.default_rng(0), 2.0)
    assert not courses
    assert isinstance(absent["one"], OutOfTime)
    assert str(absent["one"]) == "there was no time left for a turn of it"


@pytest.mark.usefixtures("own_device")
def test_who_is_not_ready_by_then_leaves_the_rest_of_the_time_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaved, "FEWEST_ROUNDS", 2)
    monkeypatch.setattr(interleaved, "SECONDS", 0.0)
    monkeypatch.setattr(timetable, "READY", 0.05)
    contenders = [Sleeper("quick", 0.001), Sleeper("late", preparing=functools.partial(time.sleep, 600.0))]
    courses, absent = measure(contenders, np.random.default_rng(0), 60.0)
    assert set(courses) == {"quick"}
    assert {name: str(error) for name, error in absent.items()} == {"late": "there was no time left to get it ready"}


@pytest.mark.usefixtures("own_device")
@pytest.mark.parametrize("stage", ["preparing", "calling"])
def test_ctrl_c_ends_it_at_once_and_leaves_nothing_behind(tmp_path: Path, stage: str) -> None:
    before = set(psutil.Process().children(recursive=True))
    file = tmp_path / "hangs"

    def interrupt() -> None:
        while not file.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    contenders = [Sleeper(str(i), **{stage: functools.partial(hang, file)}) for i in range(3)]
    threading.Thread(target=interrupt, daemon=True).start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        measure(contenders, np.random.default_rng(0))
    assert time.monotonic() - begun < 30.0
    assert set(psutil.Process().children(recursive=True)) <= before
