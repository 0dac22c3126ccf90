"""Descriptions of GPUs: they are what their makers say, and kernels are compiled and simulated for each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mlopt.backend.triton.backend import Triton
from mlopt.backend.triton.target import Gpu
from mlopt.core.errors import InvalidSchedule
from mlopt.core.schedule import Schedule
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.matmul.workload import Matmul

FP16 = {
    "b200": 2250e12,
    "h200": 989e12,
    "h100": 989e12,
    "a100": 312e12,
    "l4": 121e12,
    "rtx4090": 165e12,
    "mi300x": 1307e12,
}
"""Dense products of fp16 with sums in float32 a second, by the makers' data sheets, at the boost clock."""

MEMORY = {
    "b200": 7.75e12,
    "h200": 4.8e12,
    "h100": 3.35e12,
    "a100": 2.04e12,
    "l4": 3.0e11,
    "rtx4090": 1.008e12,
    "mi300x": 5.3e12,
}
"""Bytes a second by the data sheets."""

TILE = {
    "variant": "tiles",
    "BLOCK_M": 64,
    "BLOCK_N": 64,
    "BLOCK_K": 32,
    "GROUP": 8,
    "num_warps": 4,
    "num_stages": 2,
    "loads": "kept",
    "stores": "kept",
}


@pytest.mark.parametrize("name", FP16)
def test_rates_are_those_that_are_published(name: str, described: Callable[[str], Gpu]) -> None:
    gpu = described(name)
    assert gpu.tensor_flops["fp16"] * gpu.multiprocessors * gpu.gigahertz * 1e9 == pytest.approx(FP16[name], rel=0.05)
    assert 0.75 * MEMORY[name] < gpu.memory_bytes_per_second < MEMORY[name]
    assert gpu.memory_latency > gpu.l2_latency


@pytest.mark.parametrize("name", FP16)
def test_a_product_is_compiled_and_simulated_by_its_matrix_units(name: str, described: Callable[[str], Gpu]) -> None:
    program = Triton(described(name)).build(Matmul(2048, 2048, 2048, "f16"), Schedule.of(TILE))
    found = program.simulate()
    assert 2 * 2048**3 / FP16[name] < found["cost"] < 2 * 2048**3 / FP16[name] * 20
    assert found["tensor_share"] > 0
    assert found["registers"] > 0
    assert program.code_bytes()


def test_descriptors_are_for_gpus_that_have_a_copy_engine(described: Callable[[str], Gpu]) -> None:
    offered = {
        name: [o.value for o in Triton(described(name)).space(Matmul(dtype="f16")).options(Schedule())] for name in FP16
    }
    assert {name for name, variants in offered.items() if "descriptor" in variants} == {"b200", "h200", "h100"}


def test_warps_are_specialised_where_the_compiler_does_so(described: Callable[[str], Gpu]) -> None:
    blocks = {"BLOCK_M": 64, "BLOCK_N": 64, "num_warps": 4, "num_stages": 2, "loads": "kept", "stores": "kept"}
    schedule = Schedule.of({"variant": "specialised", **blocks})
    workload = Attention(1, 2, 2, 64, "f16", seq=256, kv_seq=256)
    program = Triton(described("b200")).build(workload, schedule)
    assert "ttg.warp_specialize" in program.ir
    assert program.simulate()["tensor_share"] > 0
    with pytest.raises(InvalidSchedule):
        Triton(described("h200")).space(workload).check(schedule)
