"""Compiled kernels compute what they should: over a set of schedules that holds every value of every knob."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.target import described
from mlopt.core.schedule import Decision, Schedule
from mlopt.executor.local import Local
from mlopt.protocols import Space, Workload
from mlopt.testing.backend import assert_computes
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.matmul.workload import Matmul

SHAPES: tuple[Workload, ...] = (
    Matmul(m=64, n=64, k=48),
    Matmul(m=127, n=255, k=63),
    Matmul(m=33, n=20, k=17),
    BatchMatmul(b=3, m=9, n=31, k=33),
    Matmul(m=1, n=1000, k=64),
    Matmul(m=3, n=5, k=7),
    Matmul(m=1, n=1, k=1),
)
BACKENDS = (Mlir(threads=1, target=described("avx2")), Mlir(threads=2, target=described("avx512")))
"""For vectors of two widths, whatever this machine has: LLVM makes two of one that is too wide for it."""
CASES = [(workload, backend) for workload in SHAPES for backend in BACKENDS]
ROUNDS = 3
WALKS = 8
"""Of so many the one is taken that covers most."""


@functools.cache
def chosen() -> dict[tuple[Workload, Mlir], list[Schedule]]:
    """For each case ROUNDS schedules; together they hold each value of each knob that any of the spaces offers."""
    rng = np.random.default_rng(0)
    covered: set[Decision] = set()
    found: dict[tuple[Workload, Mlir], list[Schedule]] = {case: [] for case in CASES}
    for _ in range(ROUNDS):
        for workload, backend in CASES:
            walks = [walk(backend.space(workload), covered, rng) for _ in range(WALKS)]
            best = max(walks, key=lambda schedule: len(set(schedule) - covered))
            covered |= set(best)
            found[workload, backend].append(best)
    return found


def walk(space: Space, covered: set[Decision], rng: np.random.Generator) -> Schedule:
    """A schedule with decisions that are not covered, wherever there are any."""
    prefix = Schedule()
    while options := space.options(prefix):
        fresh = [option for option in options if option not in covered] or list(options)
        prefix = prefix.then(fresh[int(rng.integers(len(fresh)))])
    return prefix


@pytest.mark.parametrize("turn", range(ROUNDS))
@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: f"{backend.target.simd.lanes}lanes")
@pytest.mark.parametrize("workload", SHAPES, ids=lambda case: str(case).replace(" ", ""))
def test_a_kernel_computes_right(executor: Local, workload: Workload, backend: Mlir, turn: int) -> None:
    schedule = chosen()[workload, backend][turn]
    executor.submit(functools.partial(assert_computes, backend, workload, schedule), 60).result()


@pytest.mark.parametrize("workload", SHAPES, ids=lambda case: str(case).replace(" ", ""))
def test_a_naive_kernel_computes_right(workload: Workload) -> None:
    assert_computes(Mlir(), workload, None)


def test_these_schedules_hold_every_value_that_fits() -> None:
    covered = {decision for schedules in chosen().values() for schedule in schedules for decision in schedule}
    for workload, backend in CASES:
        space = backend.space(workload)
        for knob in space.knobs:
            missing = {value for value in knob.values if Decision(knob.name, value) not in covered}
            if knob.name == "reg_m":  # as many rows do not fit the registers, even one vector wide
                missing = {rows for rows in missing if int(rows) + 2 <= space.simd.registers}
            assert not missing, knob.name
