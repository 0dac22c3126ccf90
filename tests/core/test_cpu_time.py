"""Computing counts as CPU time, here and in processes that were waited for; sleeping does not."""

from __future__ import annotations

import subprocess
import sys
import time

from mlopt.core.cpu_time import cpu_seconds

COUNT = "sum(range(3_000_000))"


def test_what_is_computed_counts() -> None:
    start = cpu_seconds()
    eval(COUNT)
    here = cpu_seconds()
    subprocess.run([sys.executable, "-c", COUNT], check=True)
    assert here - start > 0.001
    assert cpu_seconds() - here > 0.001


def test_waiting_does_not_count() -> None:
    start = cpu_seconds()
    time.sleep(0.2)
    assert cpu_seconds() - start < 0.1
