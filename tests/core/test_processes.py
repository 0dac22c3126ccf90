"""What Linux tells of processes, compared with what happens to them and with what psutil reads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from mlopt.core import processes
from mlopt.core.processes import Process

NAME = "import ctypes; ctypes.CDLL(None).prctl(15, b') Z 1 (')"  # PR_SET_NAME: an awkward one
PARENT = f"""{NAME}
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def family() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process, and the id of its child."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        try:
            yield parent, child
        finally:
            parent.kill()
            Process(child, 0 if not psutil.pid_exists(child) else Process.of(child).born).send(signal.SIGKILL)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_all_that_a_process_started_is_below_it(family: tuple[subprocess.Popen[bytes], int]) -> None:
    parent, child = family
    assert [process.pid for process in processes.below(parent.pid)] == [child]
    assert {parent.pid, child} <= {process.pid for process in processes.below(os.getpid())}
    assert processes.below(child) == []


def test_a_process_is_still_while_it_is_stopped_and_once_it_has_ended(
    family: tuple[subprocess.Popen[bytes], int],
) -> None:
    parent, _ = family
    process = Process.of(parent.pid)
    assert not process.still
    process.send(signal.SIGSTOP)
    wait_until(lambda: process.still)
    process.send(signal.SIGCONT)
    wait_until(lambda: not process.still)
    assert process.resident_bytes == pytest.approx(psutil.Process(parent.pid).memory_info().rss, rel=0.1)
    process.send(signal.SIGKILL)
    wait_until(lambda: process.still)  # nobody has waited for it yet
    assert process.resident_bytes == 0
    assert parent.wait() == -signal.SIGKILL
    assert process.still
    assert process.resident_bytes == 0
    process.send(signal.SIGKILL)
    with pytest.raises(ProcessLookupError):
        Process.of(parent.pid)


def test_a_later_process_of_the_same_number_is_another_one(family: tuple[subprocess.Popen[bytes], int]) -> None:
    parent, child = family
    earlier = Process(child, Process.of(child).born - 1)
    earlier.send(signal.SIGKILL)
    assert (earlier.still, earlier.resident_bytes) == (True, 0)
    assert not Process.of(child).still
    assert parent.poll() is None


def test_what_is_mapped_is_seen() -> None:
    assert processes.data_bytes() == pytest.approx(psutil.Process().memory_info().data, rel=0.1)
    known = {mapped.path for mapped in psutil.Process().memory_maps() if mapped.path.startswith("/")}
    assert {str(path) for path in processes.mapped_files()} >= known


def test_above_a_process_is_who_started_it(family: tuple[subprocess.Popen[bytes], int]) -> None:
    parent, child = family
    assert list(processes.above(child))[:3] == [child, parent.pid, os.getpid()]
    assert list(processes.above(1 << 23)) == []


def test_a_process_is_known_by_the_words_that_it_was_started_by(family: tuple[subprocess.Popen[bytes], int]) -> None:
    parent, _ = family
    assert processes.command(parent.pid) == [sys.executable, "-c", PARENT]
    assert processes.command(1 << 23) == []
