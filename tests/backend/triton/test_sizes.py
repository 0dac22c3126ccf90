"""Sizes that fit nothing: every kernel compiles and is right where one of them is 1, and each has a configuration."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from mlopt.backend.triton.backend import Triton
from mlopt.backend.triton.target import Gpu
from mlopt.core.schedule import Schedule
from mlopt.protocols import Workload
from mlopt.workloads.add.workload import Add
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.decode.workload import Decode
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.mlp.workload import Mlp
from mlopt.workloads.softmax.workload import Softmax

ODD = (1, 17, 33)
IN_PAIRS = [(a, b, ODD[(i + j) % 3]) for (i, a), (j, b) in itertools.product(enumerate(ODD), repeat=2)]
"""Each of ODD beside each other one."""

COMPILED: list[Workload] = [
    *(Matmul(*sizes, "f16") for sizes in ((1, 17, 33), (17, 1, 33), (17, 33, 1))),
    Matmul(17, 1, 33, "fp8"),
    *(Mlp(*sizes, "f16") for sizes in ((1, 17, 33), (17, 1, 1))),
    *(Attention(1, 2, 1, 17, "f16", seq=seq, kv_seq=keys) for seq, keys in ((1, 33), (33, 1))),
    Attention(1, 2, 2, 1, "f16", seq=1, kv_seq=1, causal=True, window=1),
    Decode(1, 2, 1, 17, "f16", kv_len=1),
    Softmax(1, 17),
    Layernorm(17, 1),
    Add((1,)),
]
"""With each size at 1, which Triton makes a constant."""


@pytest.mark.parametrize("workload", COMPILED, ids=repr)
def test_every_kernel_compiles_and_is_simulated_where_sizes_are_1(
    workload: Workload, described: Callable[[str], Gpu]
) -> None:
    program = Triton(described("h200")).build(workload, None)
    assert program.simulate()["cost"] > 0


TILE = {"BLOCK_M": 16, "BLOCK_N": 16, "BLOCK_K": 16, "GROUP": 2, "num_warps": 2, "num_stages": 2}
HINTS = {"loads": "kept", "stores": "kept"}


def test_persistent_programs_compile_where_there_is_one_tile(described: Callable[[str], Gpu]) -> None:
    schedule = Schedule.of({"variant": "persistent_descriptor", **TILE, **HINTS})
    assert Triton(described("h200")).build(Matmul(1, 16, 16, "f16"), schedule).simulate()["programs"] == 1


@pytest.mark.parametrize("sizes", IN_PAIRS, ids=repr)
@pytest.mark.parametrize("variant", ["tiles", "persistent"])
def test_products_are_right_on_odd_sizes_in_each_direction(
    variant: str, sizes: tuple[int, int, int], interpret: Callable[..., None]
) -> None:
    interpret(Matmul(*sizes, "f16"), {"variant": variant, **TILE, **HINTS})
    interpret(Mlp(*sizes), {"variant": variant, **TILE, **HINTS})


@pytest.mark.parametrize("sizes", IN_PAIRS, ids=repr)
def test_attention_is_right_on_odd_sizes_in_each_direction(
    sizes: tuple[int, int, int], interpret: Callable[..., None]
) -> None:
    seq, keys, dim = sizes
    blocks = {"BLOCK_M": 16, "BLOCK_N": 16, "num_warps": 2, "num_stages": 2, **HINTS}
    interpret(Attention(1, 2, 1, dim, seq=seq, kv_seq=keys), {"variant": "pointers", **blocks})
    split = {"SPLITS": 2, "BLOCK": 16, "product": "tensor_cores", "loads": "kept", "num_warps": 2, "num_stages": 2}
    interpret(Decode(1, 2, 1, dim, kv_len=keys), split)


SMALLEST: list[Workload] = [
    *(Matmul(1, 1, 1, dtype) for dtype in ("f32", "tf32", "bf16")),
    Matmul(8, 8, 64, "f16"),
    BatchMatmul(m=1, n=8, k=3, b=2, dtype="f16"),
    Mlp(4, 8, 8, "f16"),
    *(Attention(1, 1, 1, dim, dtype, seq=1, kv_seq=1) for dim in (1, 256) for dtype in ("f16", "f32")),
    *(Decode(1, heads, 1, 128, "f16", kv_len=1) for heads in (1, 128)),
    Softmax(1, 1),
    Layernorm(1, 1_000_003, "bf16"),
    Add((1,)),
]


@pytest.mark.parametrize("name", ["h200", "a100", "l4", "rtx4090", "mi300x"])
def test_every_size_has_a_configuration_on_every_gpu(name: str, described: Callable[[str], Gpu]) -> None:
    for workload in SMALLEST:
        assert Triton(described(name)).space(workload).count() > 0, workload


@pytest.mark.parametrize("k", [1, 8, 15, 16])
def test_short_sums_of_fp8_have_a_configuration(k: int, described: Callable[[str], Gpu]) -> None:
    assert Triton(described("h200")).space(Matmul(64, 64, k, "fp8")).count() > 0


@pytest.mark.parametrize(
    ("workload", "programs"),
    [
        (BatchMatmul(m=17, n=33, k=16, b=70_000, dtype="f16"), 70_000 * 2 * 3),
        (Attention(70_000, 1, 1, 16, "f16", seq=17, kv_seq=16), 70_000 * 2),
    ],
    ids=["batch_matmul", "attention"],
)
def test_a_batch_may_be_larger_than_what_a_grid_takes_beyond_its_first_axis(
    workload: Workload, programs: int, described: Callable[[str], Gpu]
) -> None:
    blocks = {"BLOCK_M": 16, "BLOCK_N": 16, "num_warps": 2, "num_stages": 2, **HINTS}
    more = {"variant": "tiles", "BLOCK_K": 16, "GROUP": 1} if isinstance(workload, BatchMatmul) else {}
    config: dict[str, Any] = {"variant": "pointers", **blocks, **more}
    space = Triton(described("h200")).space(workload)
    schedule = Schedule.of({knob.name: config[knob.name] for knob in space.knobs})
    (launch,) = Triton(described("h200")).build(workload, schedule).launches
    assert launch.grid == (programs, 1, 1)
