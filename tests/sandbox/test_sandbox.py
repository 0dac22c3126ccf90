"""A process that nobody trusts: what it tries comes to nothing, and each attempt is told as what it is."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mlopt.core import processes
from mlopt.core.trial import Failed, Status
from mlopt.sandbox import host
from mlopt.sandbox.confine import lacking
from mlopt.sandbox.host import Refused, Sandbox
from mlopt.sandbox.nursery import Nursery

pytestmark = pytest.mark.skipif(bool(lacking()), reason="this system cannot confine a process")

Make = Callable[..., Sandbox]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery(["hostile"], {"A_WORD": "in {folder}"}) as made:
        yield made


@pytest.fixture(scope="module")
def sandbox(nursery: Nursery) -> Make:
    """Makes one that has run nothing yet."""
    return lambda may_start_processes=False: Sandbox(nursery, may_start_processes)


@pytest.fixture(scope="module")
def shared(sandbox: Make) -> Iterator[Sandbox]:
    """For attempts that leave it alive."""
    with sandbox() as made:
        yield made


@pytest.fixture(scope="module")
def compiling(sandbox: Make) -> Iterator[Sandbox]:
    """One that may start processes."""
    with sandbox(may_start_processes=True) as made:
        yield made


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("sk-secret")
    return path


def test_answers_with_plain_data_and_arrays(shared: Sandbox) -> None:
    given = [np.arange(6.0).reshape(2, 3), np.array(3, "int8")]
    plain, arrays = shared.ask("adds", {"a": 1, "b": 2}, given)
    assert plain == {"sum": 3}
    assert [(a.tolist(), a.dtype) for a in arrays] == [((a + 1).tolist(), a.dtype) for a in given]


def test_sees_no_environment_but_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "sk-secret")
    with Nursery(["hostile"], {"A_WORD": "in {folder}"}) as nursery, Sandbox(nursery, False) as made:
        found = made.ask("environment", {})[0]["found"]
    assert "sk-secret" not in str(found)
    assert found.keys() <= {"A_WORD", "HOME", "TMPDIR", "OMP_NUM_THREADS", "LC_CTYPE"}
    assert found["A_WORD"] == f"in {found['HOME']}"


@pytest.mark.parametrize("way", ["reads", "links"])
def test_reads_no_file_of_the_users(shared: Sandbox, secret: Path, way: str) -> None:
    with pytest.raises(Refused, match="PermissionError"):
        shared.ask(way, {"path": str(secret)})


@pytest.mark.parametrize("folder", ["/", "/etc", "/proc", "/home", "/tmp"])
def test_lists_no_folder_of_the_systems(shared: Sandbox, folder: str) -> None:
    with pytest.raises(Refused, match="PermissionError"):
        shared.ask("lists", {"path": folder})


def test_writes_in_its_own_folder_alone(shared: Sandbox, secret: Path) -> None:
    shared.ask("writes", {})
    for attempt, path in (("writes", secret), ("writes", secret.with_name("new")), ("removes", secret)):
        with pytest.raises(Refused, match="PermissionError"):
            shared.ask(attempt, {"path": str(path)})
    assert [path.read_text() for path in secret.parent.iterdir()] == ["sk-secret"]


@pytest.mark.parametrize("may_start_processes", [False, True])
def test_reaches_no_network(shared: Sandbox, compiling: Sandbox, may_start_processes: bool) -> None:
    made = compiling if may_start_processes else shared
    with socket.create_server(("127.0.0.1", 0)) as server:
        with pytest.raises(Refused, match="PermissionError"):
            made.ask("connects", {"port": server.getsockname()[1]})
        server.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            server.accept()
    for family in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"):
        with pytest.raises(Refused, match="PermissionError"):
            made.ask("opens", {"family": family})


@pytest.mark.parametrize("attempt", ["forks", "runs"])
def test_starts_no_process_unless_it_may(shared: Sandbox, compiling: Sandbox, attempt: str) -> None:
    with pytest.raises(Refused, match="PermissionError"):
        shared.ask(attempt, {})
    compiling.ask(attempt, {})


@pytest.mark.parametrize("may_start_processes", [False, True])
def test_signals_nobody(shared: Sandbox, compiling: Sandbox, may_start_processes: bool) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        with pytest.raises(Refused, match="PermissionError"):
            (compiling if may_start_processes else shared).ask("signals", {"pid": other.pid})
        assert other.poll() is None
        other.kill()


PID = -1
"""Stands for another process of the same user."""
REACHES = {
    "rt_sigqueueinfo": (129, PID, signal.SIGKILL, 0),
    "rt_tgsigqueueinfo": (297, PID, PID, signal.SIGKILL, 0),
    "prlimit64": (302, PID, 0, 0, 0),
    "prlimit64, of its own": (302, 0, 7, 1, 0),
    "sched_setaffinity": (203, PID, 8, 0),
    "sched_setscheduler": (144, PID, 0, 0),
    "sched_setparam": (142, PID, 0),
    "sched_setattr": (314, PID, 0, 0),
    "setpriority": (141, 0, PID, 19),
    "ioprio_set": (251, 1, PID, 3 << 13),
    "migrate_pages": (256, PID, 0, 0, 0),
    "move_pages": (279, PID, 0, 0, 0, 0, 0),
    "kcmp": (312, PID, PID, 0, 0, 0),
    "process_madvise": (440, 0, 0, 0, 0, 0),
    "shmget": (29, 0, 4096, 0o1600),
    "semget": (64, 0, 1, 0o1600),
    "msgget": (68, 0, 0o1600),
    "mq_open": (240, 0, 0, 0, 0),
    "fcntl, the owner of a file": (72, 0, 8, PID),
    "fcntl, the signal of a file": (72, 0, 10, signal.SIGKILL),
    "fcntl, its owner by another call": (72, 0, 15, 0),
    "ioctl, the owner of a socket": (16, 0, 0x8901, 0),
    "ioctl, its group": (16, 0, 0x8902, 0),
}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of calls are those of x86-64")
@pytest.mark.parametrize("numbers", REACHES.values(), ids=REACHES)
@pytest.mark.parametrize("may_start_processes", [False, True])
def test_no_call_reaches_other_processes(
    shared: Sandbox, compiling: Sandbox, numbers: tuple[int, ...], may_start_processes: bool
) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        given = [other.pid if number == PID else int(number) for number in numbers]
        found = (compiling if may_start_processes else shared).ask("calls", {"numbers": given})[0]["error"]
        assert (found, other.poll()) == (errno.EPERM, None)
        other.kill()


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of calls are those of x86-64")
def test_it_may_still_ask_for_its_own_limits_and_calls_that_nobody_knows_are_none(shared: Sandbox) -> None:
    found = [shared.ask("calls", {"numbers": numbers})[0]["error"] for numbers in ([302, 0, 7, 0, 0], [463], [1 << 30])]
    assert found == [0, errno.ENOSYS, errno.ENOSYS]


def test_one_that_multiplies_is_ended_with_all_that_it_started(sandbox: Make) -> None:
    with sandbox(may_start_processes=True) as made:
        group = made._process
        with pytest.raises(Failed, match=r"processes in the sandbox|was ended by|exited") as raised:
            made.ask("multiplies", {})
        assert raised.value.status is Status.CRASH
    assert processes.in_group(group) == []


def test_one_that_never_ends_can_be_left_at_any_time(sandbox: Make) -> None:
    with sandbox() as made:
        made.ask("adds", {"a": 1, "b": 1})
        folder, group = made._folder.name, made._process
        made._connection.send_bytes(host.message.pack({"function": "sleeps", "given": {}}))
    assert processes.in_group(group) == []
    assert not os.path.exists(folder)


def test_what_a_killed_host_has_left_is_removed(sandbox: Make) -> None:
    left, others = (
        Path(tempfile.gettempdir()) / f"{prefix}1-1-left"  # of a process that began before the first one
        for prefix in (host._prefix(), "mlopt-sandbox-0-")
    )
    left.mkdir()
    others.mkdir()
    with sandbox() as made:
        assert not left.exists()
        assert others.exists()
        others.rmdir()
        with sandbox():
            assert made.ask("adds", {"a": 1, "b": 1})[0] == {"sum": 2}
            made.ask("writes", {})


@pytest.mark.parametrize("attempt", ["exits", "crashes"])
def test_one_that_dies_is_a_crash(sandbox: Make, attempt: str) -> None:
    with sandbox() as made, pytest.raises(Failed) as raised:
        made.ask(attempt, {})
    assert raised.value.status is Status.CRASH


def test_one_that_wants_to_leave_is_told_so(shared: Sandbox) -> None:
    with pytest.raises(Refused, match="gone"):
        shared.ask("leaves", {})


def test_what_it_says_is_one_short_line_without_commands(shared: Sandbox) -> None:
    with pytest.raises(Refused) as raised:
        shared.ask("shouts", {})
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) <= 1000


def test_memory_has_an_end(sandbox: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "MEMORY_BYTES", 1 << 29)
    with sandbox() as made, pytest.raises(Failed) as raised:
        made.ask("hoards", {})
    assert raised.value.status is Status.OUT_OF_MEMORY


def test_files_have_an_end(shared: Sandbox) -> None:
    with pytest.raises((Refused, Failed), match=r"File too large|SIGXFSZ"):
        shared.ask("fills", {})


def test_all_files_together_have_an_end(sandbox: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "FOLDER_BYTES", 1)
    with sandbox() as made:
        made.ask("writes", {})
        with pytest.raises(Failed, match="has written more"):
            made.ask("sleeps", {})


def test_a_forged_answer_is_no_answer(sandbox: Make) -> None:
    with sandbox() as made, pytest.raises(Failed, match="cannot be read"):
        made.ask("forges", {})


def test_clocks_here_go_on(shared: Sandbox) -> None:
    start = time.perf_counter()
    assert shared.ask("patches", {})[0]["found"] == 0.0
    assert time.perf_counter() > start


def test_each_is_a_fresh_process_that_knows_nothing_of_the_one_before(sandbox: Make) -> None:
    with sandbox() as first:
        assert first.ask("patches", {})[0]["found"] == 0.0
        first.ask("writes", {})
        with sandbox() as second:
            assert second.ask("clock", {})[0]["found"] > 0.0
            with pytest.raises(Refused, match="FileNotFoundError"):
                second.ask("reads", {"path": "note"})
        assert first.ask("clock", {})[0]["found"] == 0.0


def test_a_nursery_that_ended_is_replaced() -> None:
    with Nursery(["hostile"], {}) as nursery:
        with Sandbox(nursery, False) as first:
            first.ask("clock", {})
            nursery._process.kill()
            nursery._process.wait()
            with pytest.raises(Failed, match="SIGKILL"):
                first.ask("clock", {})
        with Sandbox(nursery, False) as second:
            assert second.ask("adds", {"a": 1, "b": 1})[0] == {"sum": 2}


def test_nothing_is_left_of_a_nursery_that_was_closed() -> None:
    with Nursery(["hostile"], {}) as nursery, Sandbox(nursery, False) as made:
        made.ask("clock", {})
        nursery.close()
    assert processes.in_group(made._process) == []
    assert nursery._process.poll() is not None


def test_what_cannot_be_imported_is_told_to_whoever_asks() -> None:
    told = pytest.raises(Refused, match="ModuleNotFoundError: No module named 'not_there'")
    with Nursery(["hostile", "not_there"], {}) as nursery, Sandbox(nursery, False) as made, told:
        made.ask("adds", {"a": 1, "b": 1})
