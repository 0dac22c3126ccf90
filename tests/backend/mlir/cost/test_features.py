"""What a program's IR is like, as numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.cost.features import features
from mlopt.backend.mlir.cost.model import analyse
from mlopt.protocols import FeaturedProgram
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.softmax.workload import Softmax

from .test_core import CPU
from .test_model import blocks, some_schedule


def of(text: str, threads: int = 1) -> dict[str, float]:
    return features(analyse(text, CPU, threads))


def test_operations_are_counted_over_the_whole_call() -> None:
    found = of(blocks(3, 4096))
    turns = CPU.vector_bits // CPU.datapath_bits
    assert found["turns_loads"] == 3 * 256 * turns == found["turns_stores"]
    assert found["operations_512"] == 3 * 256
    assert found["operations_128"] == 0
    assert found["iterations"] == 1 + 3 + 3 * 256  # the function itself is entered once
    assert (found["loops"], found["depth"]) == (2, 2)


def test_bytes_are_counted_by_level_of_cache() -> None:
    assert of(blocks(1, 65536))["bytes_into_l1"] == pytest.approx(3 * 65536 * 4, rel=0.05)
    assert of(blocks(1))["bytes_buffers"] == 2 * 65536 * 4


def test_threads_that_wait_for_the_busiest_are_slack() -> None:
    assert of(blocks(8), 2)["parallel_slack"] == 1.0
    assert of(blocks(8), 3)["parallel_slack"] == pytest.approx(9 / 8)
    assert of(blocks(8), 3)["parallel_blocks"] == 8


@pytest.mark.parametrize("threads", [1, 2])
def test_every_program_has_the_same_features(threads: int) -> None:
    found = []
    for workload in (Matmul(m=64, n=64, k=64), Softmax(rows=32, cols=64)):
        backend = Mlir(threads, target=CPU)
        program = backend.build(workload, some_schedule(backend.space(workload)))
        assert isinstance(program, FeaturedProgram)
        found.append(program.ir_features())
        assert all(math.isfinite(value) and value >= 0 for value in found[-1].values())
        assert found[-1] == backend.build(workload, some_schedule(backend.space(workload))).ir_features()
    assert found[0].keys() == found[1].keys()
    assert found[0] != found[1]


def test_targets_are_told_apart() -> None:
    def target(backend: Mlir, workload: Matmul) -> str:
        return backend.build(workload, some_schedule(backend.space(workload))).simulated_on

    here, other = target(Mlir(1), Matmul(16, 16, 16)), target(Mlir(1, target=CPU), Matmul(16, 16, 16))
    assert here == target(Mlir(1), Matmul(32, 16, 16))
    assert here != other != target(Mlir(1, target=replace(CPU, gigahertz=2.0)), Matmul(16, 16, 16))
