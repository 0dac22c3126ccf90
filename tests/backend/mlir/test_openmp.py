"""Kernels run on as many threads as they were built for, and leave the processor alone between calls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import mlopt
from mlopt.backend.mlir import openmp
from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.bindings import PassManager, apply_named_sequence, ir, new_context
from mlopt.backend.mlir.lowering import lowering
from mlopt.backend.mlir.payload.contraction import Contraction
from mlopt.backend.mlir.payload.frontend import parse
from mlopt.backend.mlir.target import HOST
from mlopt.backend.mlir.transform.matmul import transformation
from mlopt.core.cores import placement
from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.testing.space import walks
from mlopt.workloads.matmul.workload import Matmul

BLOCKS = Matmul(m=64, n=64, k=16)

COUNT = """
import os, time
import numpy as np
from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.target import described
from mlopt.testing.space import walks
from mlopt.workloads.matmul.workload import Matmul

def tasks():
    return len(os.listdir("/proc/self/task"))

matmul = Matmul(m=64, n=64, k=16)
arrays = [np.ones((64, 16), np.float32), np.ones((16, 64), np.float32)], [np.empty((64, 64), np.float32)]
first = tasks()
for threads in (1, 2, 3):
    backend = Mlir(threads=threads, target=described("avx2"))  # threads, not cores, are counted here
    schedule = next(s for s in walks(backend.space(matmul)) if s.values()["block_m"] == 16)
    kernel = backend.build(matmul, schedule).load()
    call = kernel.bind(*arrays)
    call()
    print(tasks() - first)
kernel.rest()
start = time.process_time()
time.sleep(0.15)
print(time.process_time() - start)
"""


def test_the_runtime_is_found() -> None:
    assert Path(openmp.library_path()).is_file()


def test_without_a_runtime_threads_are_a_mistake_that_is_told_before_any_trial(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    openmp.library_path.cache_clear()
    monkeypatch.setattr(openmp, "_candidates", lambda: [tmp_path / "libomp.so"])
    workload = Matmul(m=8, n=24, k=8)  # one whose space nobody has asked for yet
    with pytest.raises(UserError, match=r"pip install intel-openmp, or install LLVM's libomp, or .*threads=1$"):
        Mlir(threads=2).space(workload)
    Mlir(threads=1).space(workload)


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads in /proc")
def test_threads_are_as_many_as_asked_for_and_sleep_after_a_rest() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(mlopt.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", COUNT], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    *helpers, seconds = done.stdout.split()
    assert helpers == ["0", "1", "2"]
    assert float(seconds) < 0.1  # two threads that wait actively would have burnt 0.3


PLACES = """
import os
from mlopt.backend.mlir import openmp
from mlopt.core.cores import placement
before = set(os.listdir("/proc/self/task"))
openmp.use_threads(2)
(helper,) = set(os.listdir("/proc/self/task")) - before
print(os.sched_getaffinity(int(helper)) == set(placement()[1:2]), os.sched_getaffinity(0) == set(placement()))
"""


@pytest.mark.skipif(len(placement()) < 2, reason="takes two cores of its own")
def test_a_helper_has_a_core_of_its_own_and_the_caller_is_free() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(mlopt.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", PLACES], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"


def lowered(schedule: Schedule, parallel: bool) -> str:
    context = new_context()
    with context, ir.Location.unknown(context):
        module = parse(BLOCKS.source("mlir"))
        contraction = Contraction.find(module)
        assert contraction is not None
        script = transformation(contraction, schedule, HOST.simd.lanes, parallel)
        apply_named_sequence(module, script.body.operations[0], script)
        PassManager.parse(lowering(parallel)).run(module.operation)
        return str(module)


def test_a_kernel_for_one_thread_makes_no_openmp_call() -> None:
    space = Mlir(threads=2).space(BLOCKS)
    schedule = next(schedule for schedule in walks(space) if schedule.values()["block_m"] == 16)
    assert "omp.parallel" in lowered(schedule, parallel=True)
    assert "omp." not in lowered(schedule, parallel=False)
