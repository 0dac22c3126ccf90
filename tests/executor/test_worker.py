from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mlopt.core.errors import UserError
from mlopt.core.trial import Status, WorkerClosed, WorkerLost
from mlopt.executor.retirement import Retirement, Unfit
from mlopt.executor.worker import Worker
from mlopt.testing.executor import PATIENCE, hang_with_company, read_pids


@pytest.fixture
def worker() -> Iterator[Worker]:
    before = set(psutil.Process().children(recursive=True))
    worker = Worker()
    yield worker
    worker.close()
    assert set(psutil.Process().children(recursive=True)) <= before


def test_modules_are_imported_before_the_first_work() -> None:
    worker = Worker(preload=["wave"])
    assert worker.run(functools.partial(eval, "'wave' in __import__('sys').modules"), PATIENCE) is True
    worker.close()


def test_a_module_that_cannot_be_imported_is_named_every_time() -> None:
    worker = Worker(preload=["wave", "no_such_module"])
    for _ in range(2):
        with pytest.raises(UserError, match="no_such_module"):
            worker.run(int, PATIENCE)
    worker.close()


def test_a_module_that_kills_its_importer_is_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deadly.py").write_text("import os; os._exit(7)")
    monkeypatch.syspath_prepend(tmp_path)
    worker = Worker(preload=["deadly"])
    with pytest.raises(WorkerLost, match="exited with code 7"):
        worker.run(int, PATIENCE)
    worker.close()


def test_it_is_replaced_when_it_died_idle(worker: Worker) -> None:
    first = worker.run(os.getpid, PATIENCE)
    psutil.Process(first).kill()
    while psutil.Process(first).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert worker.run(os.getpid, PATIENCE) != first


def retires() -> int:
    raise Retirement(os.getpid())


def test_a_work_may_ask_for_the_end_of_its_process(worker: Worker) -> None:
    retired = worker.run(retires, PATIENCE)
    assert not psutil.pid_exists(retired)
    assert worker.run(os.getpid, PATIENCE) == worker.run(os.getpid, PATIENCE) != retired


def is_unfit(folder: Path, processes: int) -> int:
    """In so many processes; elsewhere, how often it was asked."""
    (folder / str(os.getpid())).touch()
    if len(list(folder.iterdir())) <= processes:
        raise Unfit
    return os.getpid()


def test_a_work_may_ask_for_a_fresh_process_once(worker: Worker, tmp_path: Path) -> None:
    first = worker.run(os.getpid, PATIENCE)
    assert worker.run(functools.partial(is_unfit, tmp_path, 1), PATIENCE) != first
    assert not psutil.pid_exists(first)
    with pytest.raises(WorkerLost, match="unfit"):
        worker.run(functools.partial(is_unfit, tmp_path, 99), PATIENCE)


def test_it_is_replaced_when_its_nursery_died(worker: Worker) -> None:
    nursery = psutil.Process(worker.run(os.getppid, PATIENCE))
    children = nursery.children()
    nursery.kill()
    psutil.wait_procs(children, PATIENCE)
    assert worker.run(os.getppid, PATIENCE) != nursery.pid


def test_a_death_is_seen_while_a_process_below_lives_on(worker: Worker) -> None:
    with pytest.raises(WorkerLost, match="exited with code 5"):
        worker.run(functools.partial(exec, "import os, time\nif os.fork(): os._exit(5)\ntime.sleep(60)"), PATIENCE)


def test_paused_it_computes_nothing(worker: Worker) -> None:
    spin = "import threading\ndef spin():\n    while True: pass\nthreading.Thread(target=spin, daemon=True).start()"
    worker.run(functools.partial(exec, spin, {}), PATIENCE)
    process = psutil.Process(worker.run(os.getpid, PATIENCE))
    worker.pause()
    while process.status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    used = process.cpu_times().user
    time.sleep(0.2)
    assert process.cpu_times().user == used
    worker.resume()
    assert worker.run(os.getpid, PATIENCE) == process.pid


def test_it_can_be_closed_from_another_thread_in_the_middle_of_a_work(worker: Worker, tmp_path: Path) -> None:
    errors: list[WorkerLost] = []

    def run() -> None:
        with pytest.raises(WorkerLost) as caught:
            worker.run(functools.partial(hang_with_company, tmp_path / "pids"), PATIENCE)
        errors.append(caught.value)

    thread = threading.Thread(target=run)
    thread.start()
    pids = read_pids(tmp_path / "pids")
    worker.close()
    thread.join()
    assert [(type(error), error.status) for error in errors] == [(WorkerClosed, Status.CRASH)]
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


OFF_THE_CLOCK = """
import time
from mlopt.executor import clock
for _ in range(2):
    time.sleep({on})
    with clock.stopped():
        time.sleep({off})
"""


def test_the_deadline_does_not_run_while_the_work_has_stopped_its_clock(worker: Worker) -> None:
    worker.run(functools.partial(exec, OFF_THE_CLOCK.format(on=0, off=0.5), {}), 0.5)
    assert worker.run(int, PATIENCE) == 0


TWICE = """
import time
from mlopt.executor import clock
with clock.stopped():
    with clock.stopped():
        time.sleep(0.2)
    time.sleep(1.0)
"""


def test_a_clock_that_is_stopped_twice_stands_until_the_end_of_both(worker: Worker) -> None:
    worker.run(functools.partial(exec, TWICE, {}), 0.5)
    assert worker.run(int, PATIENCE) == 0


def test_the_deadline_goes_on_where_the_clock_was_stopped(worker: Worker) -> None:
    with pytest.raises(WorkerLost, match=r"deadline of 1 s"):
        worker.run(functools.partial(exec, OFF_THE_CLOCK.format(on=0.6, off=0), {}), 1.0)


def test_a_worker_that_dies_with_its_clock_stopped_is_seen(worker: Worker) -> None:
    die = "import os\nfrom mlopt.executor import clock\nwith clock.stopped(): os._exit(5)"
    with pytest.raises(WorkerLost, match="exited with code 5"):
        worker.run(functools.partial(exec, die, {}), PATIENCE)


def test_a_work_may_have_workers_of_its_own(worker: Worker) -> None:
    nested = "import os\nfrom mlopt.executor.worker import Worker\nassert Worker().run(os.getpid, 60.0) != os.getpid()"
    worker.run(functools.partial(exec, nested, {}), PATIENCE)


def test_it_has_the_environment_it_was_given() -> None:
    worker = Worker(environment={**os.environ, "FLAVOUR": "salt"})
    assert worker.run(functools.partial(os.getenv, "FLAVOUR"), PATIENCE) == "salt"
    worker.close()


def test_the_main_module_is_not_run_again(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os\nfrom mlopt.executor.worker import Worker\nopen('ran', 'a').write('x')\n"
        "worker = Worker()\nworker.run(os.getpid, 60.0)\nworker.close()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path)}
    subprocess.run([sys.executable, str(script)], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "ran").read_text() == "x"
