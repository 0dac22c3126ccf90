"""The right to a device, across processes."""

from __future__ import annotations

import functools
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest
from doubles import WAITS, Holder

from mlopt.core.trial import WorkerDelayed, WorkerLost
from mlopt.executor import device
from mlopt.executor.local import Local
from mlopt.executor.worker import Worker

pytestmark = pytest.mark.usefixtures("own_device")
Hold = Callable[..., Holder]

SLEEP = "import time\nfrom mlopt.executor import device\nwith device.{}(): time.sleep({})"
SPIN = """
import time
from mlopt.executor import device
with device.shared():
    while time.process_time() < {}: pass
"""
STOP_ITSELF = """
import os, signal
from mlopt.executor import device
with device.{}():
    while True: os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Starts a process that wants the device."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(Holder(*arguments))


@pytest.mark.parametrize("second", ["alone", "shared"])
def test_alone_keeps_everybody_out_until_the_end(hold: Hold, second: str) -> None:
    holder = hold("alone")
    assert holder.holds()
    waiting = hold(second)
    assert not waiting.holds(WAITS)
    holder.leave()
    assert waiting.holds()


def test_shared_is_shared(hold: Hold) -> None:
    assert hold("shared").holds()
    assert hold("shared").holds()


def test_who_waits_until_a_time_gets_the_device_if_it_is_free_by_then(hold: Hold) -> None:
    holder = hold("alone")
    assert holder.holds()
    with ThreadPoolExecutor() as pool:
        pool.submit(lambda: (time.sleep(WAITS), holder.leave()))
        with device.alone(time.monotonic() + 60.0):
            late = hold("shared")
            assert not late.holds(WAITS)
    assert late.holds()


def test_who_has_waited_in_vain_keeps_nobody_out(hold: Hold) -> None:
    holder = hold("alone")
    assert holder.holds()
    with pytest.raises(device.Busy), device.alone(time.monotonic() + 0.2):
        pytest.fail("it was not free")
    holder.leave()
    assert hold("alone").holds()


def test_what_computes_briefly_and_what_is_timed_wait_for_one_another(hold: Hold) -> None:
    brief = hold("briefly")
    assert brief.holds()
    assert hold("shared").holds()
    timed = hold("alone")
    assert not timed.holds(WAITS)
    brief.leave()
    assert timed.holds()
    other = hold("briefly")
    assert not other.holds(WAITS)
    timed.leave()
    assert other.holds()


def test_what_computes_briefly_does_so_on_one_core_and_waits_no_longer_than_it_is_told(hold: Hold) -> None:
    cores = os.sched_getaffinity(0)
    assert hold("alone").holds()
    with device.briefly(0.1):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == cores


def stopped(holder: Holder) -> bool:
    return psutil.Process(holder.process.pid).status() == psutil.STATUS_STOPPED


def test_sharers_stand_still_while_somebody_is_alone(hold: Hold) -> None:
    sharers = [hold("shared") for _ in range(3)]
    assert all(sharer.holds() for sharer in sharers)
    loner = hold("alone")
    assert loner.holds()
    assert all(map(stopped, sharers))
    loner.leave()
    assert not any(map(stopped, sharers))
    gone, *others = sharers
    gone.leave()
    loner = hold("alone")
    assert loner.holds()
    assert all(map(stopped, others))
    loner.leave()


def test_what_a_sharer_started_stands_still_too(hold: Hold, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "import pathlib, subprocess\nfrom mlopt.executor import device\n"
        "with device.shared():\n    helper = subprocess.Popen(['sleep', '600'])\n"
        f"    pathlib.Path({str(note)!r}).write_text(str(helper.pid))\n    helper.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as process:
        try:
            while not (note.exists() and note.read_text()):
                time.sleep(0.01)
            assert hold("alone").holds()
            helper, end = psutil.Process(int(note.read_text())), time.monotonic() + 10.0
            while helper.status() != psutil.STATUS_STOPPED:  # which it is when it is next given a core
                assert time.monotonic() < end
                time.sleep(0.01)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_the_right_ends_with_its_holder(hold: Hold) -> None:
    holder = hold("alone")
    assert holder.holds()
    holder.process.kill()
    assert hold("alone").holds()


def test_the_register_ends_with_its_holder(hold: Hold) -> None:
    sharer = hold("shared")
    assert sharer.holds()
    sharer.process.kill()
    sharer.process.wait()
    assert hold("alone").holds()


def test_who_waits_can_be_killed_too(hold: Hold) -> None:
    holder = hold("alone")
    assert holder.holds()
    waiting = hold("alone")
    assert not waiting.holds(WAITS)
    waiting.process.kill()
    holder.leave()
    assert hold("shared").holds()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="takes two cores")
def test_a_device_is_the_cores_that_a_process_may_use(hold: Hold) -> None:
    one, other, *_ = sorted(os.sched_getaffinity(0))
    sharer = hold("shared", [one, other])
    assert sharer.holds()
    assert hold("alone", [one]).holds()
    assert hold("alone", [other]).holds()
    assert stopped(sharer)
    assert not hold("alone", [one, other]).holds(WAITS)


def test_waiting_does_not_count_towards_a_deadline(hold: Hold) -> None:
    holder = hold("alone")
    assert holder.holds()
    worker = Worker(["mlopt.executor.device"])
    worker.run(int, 60.0)
    with ThreadPoolExecutor() as pool, closing(worker):
        future = pool.submit(worker.run, functools.partial(exec, SLEEP.format("alone", 0), {}), 0.5)
        time.sleep(1.0)
        assert not future.done()
        holder.leave()
        future.result(60.0)
        with pytest.raises(WorkerLost, match="deadline"):
            worker.run(functools.partial(exec, SLEEP.format("alone", 60), {}), 0.5)


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(["mlopt.executor.device"])
    worker.run(int, 60.0)
    with closing(worker):
        yield worker


def test_standing_still_does_not_count_towards_a_deadline(hold: Hold, worker: Worker) -> None:
    with ThreadPoolExecutor() as pool:
        future = pool.submit(worker.run, functools.partial(exec, SPIN.format(0.5), {}), 1.5)
        time.sleep(0.2)
        holder = hold("alone")
        assert holder.holds()
        time.sleep(3.0)
        assert not future.done()
        holder.leave()
        future.result(60.0)


@pytest.mark.parametrize("how", ["alone", "shared"])
def test_others_delay_a_work_no_longer_than_it_is_patient(hold: Hold, worker: Worker, how: str) -> None:
    assert hold("alone").holds()
    with pytest.raises(WorkerDelayed, match="took time"):
        worker.run(functools.partial(exec, SLEEP.format(how, 0), {}), 60.0, 0.2)


def test_standing_still_takes_patience_too(hold: Hold, worker: Worker) -> None:
    with ThreadPoolExecutor() as pool:
        future = pool.submit(worker.run, functools.partial(exec, SPIN.format(600.0), {}), 600.0, 0.2)
        time.sleep(0.2)
        assert hold("alone").holds()
        with pytest.raises(WorkerDelayed):
            future.result(30.0)


def test_a_work_takes_no_patience_of_its_own(worker: Worker) -> None:
    worker.run(functools.partial(time.sleep, 0.3), 60.0, 0.1)


def test_who_was_stopped_goes_on_when_the_stopper_dies(hold: Hold, worker: Worker) -> None:
    with ThreadPoolExecutor() as pool:
        future = pool.submit(worker.run, functools.partial(exec, SPIN.format(1.0), {}), 60.0)
        time.sleep(0.2)
        holder = hold("alone")
        assert holder.holds()
        holder.process.kill()
        future.result(30.0)


def take_time(notes: Path) -> None:
    """Note when the device was held, a while each time."""
    for _ in range(10):
        with device.alone():
            start = time.monotonic()
            time.sleep(0.005)
            with notes.open("a") as file:
                file.write(f"{start} {time.monotonic()}\n")


def test_several_studies_never_take_time_at_once(tmp_path: Path) -> None:
    studies = [Local(slots=2), Local(slots=1)]
    with ExitStack() as stack:
        for study in studies:
            stack.enter_context(closing(study))
            study.start(["mlopt.executor.device"])
        work = functools.partial(take_time, tmp_path / "notes")
        futures = [study.submit(work, 60.0) for study in studies for _ in range(study.slots)]
        for future in futures:
            future.result(60.0)
    held = sorted(tuple(map(float, line.split())) for line in (tmp_path / "notes").read_text().splitlines())
    assert len(held) == 30
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(held))


@pytest.mark.parametrize("how", ["alone", "shared"])
def test_who_stops_itself_is_late_all_the_same(worker: Worker, how: str) -> None:
    with pytest.raises(WorkerLost, match="deadline"):
        worker.run(functools.partial(exec, STOP_ITSELF.format(how), {}), 1.0)


def test_processes_of_another_namespace_are_not_taken_for_ours_of_the_same_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def registered() -> set[int]:
        with ExitStack() as stack:
            return {pid for file in device._open(stack) for pid in device._registered(file, device._SHARERS)}

    with device.shared():
        assert registered() == {os.getpid()}
        monkeypatch.setattr(device, "_namespace", lambda: 1 << 50)
        assert registered() == set()


def test_a_process_that_was_begun_while_we_computed_does_not_make_us_stop_ourselves() -> None:
    with device.shared():
        child = os.fork()  # which has copies of the locks
        if child == 0:
            signal.pause()
            os._exit(0)
    try:
        with device.alone(time.monotonic() + 10.0):
            assert psutil.Process().status() != psutil.STATUS_STOPPED
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
