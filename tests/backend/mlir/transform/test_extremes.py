"""Of equal extremes the first place is found, and of what is no number the first place before any."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from mlopt.backend.mlir.backend import Mlir
from mlopt.core.schedule import Schedule
from mlopt.executor.local import Local
from mlopt.protocols import Array
from mlopt.workloads.mlir_file.workload import MlirFile

PROGRAM = Path(__file__).parent / "programs/extremes.mlir"


def places(x: Array) -> list[Array]:
    """Of the largest and the smallest number in each row."""
    backend, workload = Mlir(threads=1), MlirFile(str(PROGRAM))
    found = [np.empty(len(x), np.int64) for _ in range(2)]
    backend.build(workload, Schedule.of(backend.space(workload).hints()[0])).load().bind([x], found)()
    return found


def test_extremes_are_found_where_numpy_finds_them(executor: Local) -> None:
    x = np.random.default_rng(0).integers(-2, 2, (6, 35)).astype(np.float32)
    x[0], x[1] = -np.inf, np.inf
    x[2, [5, 34]] = np.nan
    x[3, 33:] = 7
    largest, smallest = executor.submit(functools.partial(places, x), 60).result()
    assert list(largest) == list(x.argmax(axis=1))
    assert list(smallest) == list(x.argmin(axis=1))
