"""Who keeps a study from going on is named, with what to do about it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from doubles import Holder

from mlopt import waiting
from mlopt.executor import device
from mlopt.waiting import Waiting, described

pytestmark = pytest.mark.usefixtures("own_device")
PATIENCE = 30.0
NOBODY = 1 << 23
"""Above all process ids; who waits, where a process of the test's plays somebody else."""


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.01)


@pytest.fixture
def holder() -> Iterator[Holder]:
    with Holder("alone") as holder:
        assert holder.holds()
        yield holder


class Said:
    """What was said, which can be waited for."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._spoken = threading.Semaphore(0)

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self._spoken.release()

    def await_one(self) -> None:
        assert self._spoken.acquire(timeout=PATIENCE)


def test_who_takes_time_is_in_a_register_until_the_end(holder: Holder) -> None:
    assert device.holder() == holder.process.pid
    holder.leave()
    assert device.holder() is None
    with device.shared():
        assert device.holder() is None
    with device.alone():
        assert device.holder() == os.getpid()


def test_somebody_who_keeps_the_device_is_named_once(holder: Holder) -> None:
    said = Said()
    with Waiting(said, NOBODY):
        said.await_one()
        time.sleep(0.5)
    (line,) = said.lines
    pid = holder.process.pid
    assert line.startswith(f"waiting for process {pid} ({sys.executable} -c ")
    assert line.endswith(f"which takes time on this machine; kill {pid} would end it")


@pytest.mark.usefixtures("holder")
def test_a_studys_own_workers_are_nobody_to_wait_for() -> None:
    said = Said()
    with Waiting(said):
        time.sleep(0.5)
    assert said.lines == []


@pytest.mark.usefixtures("holder")
def test_a_study_that_gets_on_waits_for_nobody() -> None:
    said = Said()
    with Waiting(said, NOBODY) as study:
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            study.moved()
            time.sleep(0.001)
    assert said.lines == []


def test_one_who_is_stopped_can_be_let_go_on(holder: Holder) -> None:
    pid = holder.process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        while not waiting.processes.Process.of(pid).still:
            time.sleep(0.01)
        assert described(pid).endswith(f"; it is stopped, and kill -CONT {pid} lets it go on")
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("beginning", [["mlopt"], ["python", "/there/bin/mlopt"], ["python", "-m", "mlopt.cli.main"]])
def test_the_worker_of_a_study_is_told_by_the_words_that_the_study_was_called_with(
    beginning: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, nursery, study, shell = (NOBODY + number for number in range(4))
    commands = {
        worker: ["python", "-c", "import mlopt"],
        nursery: ["python", "-c", "import mlopt"],
        study: [*beginning, "search=bayes", "workload.note=\x1b[1m", "seed=" + "1" * 200],
        shell: ["bash"],
    }
    monkeypatch.setattr(waiting.processes, "above", lambda pid: iter(commands))
    monkeypatch.setattr(waiting.processes, "command", commands.__getitem__)
    line = described(worker)
    assert line.startswith(f"waiting for process {study} (mlopt search=bayes 'workload.note=?[1m' ...), ")
    assert line.endswith(f"; kill {study} would end it")
