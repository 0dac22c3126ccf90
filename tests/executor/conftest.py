from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from mlopt.testing.executor import PATIENCE, read_pids

DRIVER = """
import functools, pathlib, time
from mlopt.testing.executor import hang_with_company
{imports}
executor = {executor}
executor.start(["mlopt.testing.executor"])
executor.submit(functools.partial(hang_with_company, pathlib.Path({file!r})), 600.0)
time.sleep(600)
"""


@pytest.fixture
def kill_driver(tmp_path: Path) -> Iterator[Callable[..., list[psutil.Process]]]:
    """Run a driver whose executor does hung work, kill it, and tell which of the processes below it outlive it.

    `spare` holds beginnings of the names of processes that do not matter.
    """
    with tempfile.TemporaryDirectory() as folder:  # a short name, since Ray makes sockets below it

        def run(imports: str, executor: str, spare: tuple[str, ...] = ()) -> list[psutil.Process]:
            program = DRIVER.format(imports=imports, executor=executor, file=str(tmp_path / "pids"))
            environment = {**os.environ, "TMPDIR": folder}
            with subprocess.Popen([sys.executable, "-c", program], env=environment) as driver:
                hung = [psutil.Process(pid) for pid in read_pids(tmp_path / "pids")]
                below = [*psutil.Process(driver.pid).children(recursive=True), *hung]
                below = [process for process in below if not process.name().startswith(spare)]
                driver.kill()
            end = time.monotonic() + PATIENCE
            while (left := [process for process in below if alive(process)]) and time.monotonic() < end:
                time.sleep(0.05)
            for process in left:
                process.kill()
            return left

        yield run


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
