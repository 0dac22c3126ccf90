"""The kernels that come with workloads: right on sizes that fit no block, and within what their spaces promise."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mlopt.backend.triton.ahead import launches
from mlopt.backend.triton.backend import Triton
from mlopt.backend.triton.kernel_file import source_of
from mlopt.backend.triton.target import Gpu
from mlopt.core.errors import WrongResult
from mlopt.core.schedule import Schedule
from mlopt.protocols import Workload
from mlopt.workloads.add.workload import Add
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.decode.workload import Decode
from mlopt.workloads.gelu.workload import Gelu
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.mlp.workload import Mlp
from mlopt.workloads.relu.workload import Relu
from mlopt.workloads.rmsnorm.workload import Rmsnorm
from mlopt.workloads.softmax.workload import Softmax

Interpret = Callable[..., None]

STREAMED = {"loads": "streamed", "stores": "streamed"}
PLAIN = {"BLOCK": 256, "num_warps": 2, **STREAMED}
ROW = {"ROWS": 2, "num_warps": 1, "num_stages": 2, **STREAMED}
TILE = {"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_K": 16, "GROUP": 2, "num_warps": 2, "num_stages": 3, "stores": "streamed"}
BLOCKS = {"BLOCK_M": 16, "BLOCK_N": 16, "num_warps": 2, "num_stages": 2, **STREAMED}
SPLIT = {"SPLITS": 4, "BLOCK": 16, "loads": "streamed", "num_warps": 2, "num_stages": 2}
DTYPES = ("f32", "bf16", "f16")


@pytest.mark.parametrize("kind", [Add, Relu, Gelu])
@pytest.mark.parametrize("shape", [(1,), (255,), (3, 5, 17), (2, 256)])
def test_functions_of_elements_are_right_on_every_shape(
    kind: type[Add | Relu | Gelu], shape: tuple[int, ...], interpret: Interpret
) -> None:
    interpret(kind(shape=shape), PLAIN)


@pytest.mark.parametrize("kind", [Softmax, Layernorm, Rmsnorm])
@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (7, 33), (29, 63), (2, 64)])
@pytest.mark.parametrize("variant", ["registers", "persistent"])
def test_functions_of_rows_that_registers_hold_are_right(
    kind: type[Softmax | Layernorm | Rmsnorm], rows: int, cols: int, variant: str, interpret: Interpret
) -> None:
    interpret(kind(rows=rows, cols=cols), {"variant": variant, "BLOCK": 64, **ROW})


@pytest.mark.parametrize("kind", [Softmax, Layernorm, Rmsnorm])
@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (3, 129), (2, 1000), (5, 128)])
def test_functions_of_long_rows_are_right(
    kind: type[Softmax | Layernorm | Rmsnorm], rows: int, cols: int, interpret: Interpret
) -> None:
    interpret(kind(rows=rows, cols=cols), {"variant": "blocks", "BLOCK": 128, **ROW})


@pytest.mark.parametrize("dtype", ["f16", "bf16"])
@pytest.mark.parametrize(
    ("workload", "config"),
    [
        (Add((3, 5, 17)), PLAIN),
        (Relu((300,)), PLAIN),
        (Gelu((300,)), PLAIN),
        (Softmax(7, 33), {"variant": "registers", "BLOCK": 64, **ROW}),
        (Layernorm(29, 63), {"variant": "persistent", "BLOCK": 64, **ROW}),
        (Rmsnorm(3, 129), {"variant": "blocks", "BLOCK": 128, **ROW}),
        (Layernorm(3, 129), {"variant": "blocks", "BLOCK": 128, **ROW}),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_narrow_dtypes_are_computed_in_float32_and_rounded(
    workload: Workload, config: dict[str, object], dtype: str, interpret: Interpret
) -> None:
    interpret(replace(workload, dtype=dtype), config)  # type: ignore[type-var]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [None, 1, 7, 40])
@pytest.mark.parametrize(("seq", "kv_seq"), [(1, 1), (33, 33), (17, 70), (16, 64)])
def test_attention_sees_the_keys_that_it_should(
    causal: bool, window: int | None, seq: int, kv_seq: int, interpret: Interpret
) -> None:
    workload = Attention(1, 2, 1, 20, seq=seq, kv_seq=kv_seq, causal=causal, window=window)
    interpret(workload, {"variant": "pointers", **BLOCKS})


HEADS = [
    (variant, dtype, (None, 30)[(row + column) % 2])
    for row, variant in enumerate(("pointers", "descriptors", "specialised"))
    for column, dtype in enumerate(DTYPES)
]
"""Each variant with each dtype, and each of these with a window and without."""


@pytest.mark.parametrize(("variant", "dtype", "window"), HEADS)
def test_heads_in_groups_are_right_in_every_variant(
    variant: str, dtype: str, window: int | None, interpret: Interpret
) -> None:
    workload = Attention(2, 4, 2, 24, dtype, seq=37, kv_seq=53, causal=True, window=window)
    interpret(workload, {"variant": variant, **BLOCKS, "BLOCK_N": 32})


def test_more_queries_than_keys_are_right(interpret: Interpret) -> None:
    interpret(Attention(1, 1, 1, 16, seq=50, kv_seq=21, window=9), {"variant": "pointers", **BLOCKS})


STEPS = [
    (kv_len, splits, *product, DTYPES[(row + column) % len(DTYPES)])
    for row, (kv_len, splits) in enumerate(itertools.product((1, 63, 100), (1, 4)))
    for column, product in enumerate([(6, "sums"), (6, "tensor_cores"), (2, "tensor_cores")])
]
"""Each cache, split or not, with each product, and each of these with each dtype."""


@pytest.mark.parametrize(("kv_len", "splits", "kv_heads", "product", "dtype"), STEPS)
def test_a_step_of_decoding_is_right_however_the_cache_is_split(
    kv_len: int, splits: int, kv_heads: int, product: str, dtype: str, interpret: Interpret
) -> None:
    workload = Decode(1, 6, kv_heads, 20, dtype, kv_len=kv_len)
    interpret(workload, {**SPLIT, "SPLITS": splits, "product": product})


VARIANTS = [
    ("tiles", "a"),
    ("tiles", "b"),
    ("persistent", "a"),
    ("descriptor", ""),
    ("persistent_descriptor", ""),
]
"""Of products, each with the operand that is streamed past the other; descriptors stream none."""


@pytest.mark.parametrize(("variant", "streamed"), VARIANTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_block_of_two_layers_is_right(variant: str, streamed: str, dtype: str, interpret: Interpret) -> None:
    d_model, d_ff = (24, 40) if "descriptor" in variant else (19, 37)
    loads = {"a": "x_streamed", "b": "w_streamed"}.get(streamed, "kept")
    interpret(Mlp(m=21, d_model=d_model, d_ff=d_ff, dtype=dtype), {"variant": variant, **TILE, "loads": loads})


@pytest.mark.parametrize(("variant", "streamed"), VARIANTS)
def test_products_of_a_batch_are_right(variant: str, streamed: str, interpret: Interpret) -> None:
    config = {"variant": variant, **TILE, "loads": f"{streamed}_streamed" if streamed else "kept"}
    n, k = (40, 24) if "descriptor" in variant else (37, 19)
    interpret(BatchMatmul(m=21, n=n, k=k, b=3), config)
    n, k = (40, 48) if "descriptor" in variant else (37, 45)
    interpret(BatchMatmul(m=21, n=n, k=k, b=3, dtype="fp8"), {**config, "BLOCK_K": 32})


WORKLOADS: list[Workload] = [
    Add((1000, 333)),
    Softmax(333, 1000),
    Softmax(333, 1000, "f16"),
    Layernorm(333, 1000),
    Rmsnorm(333, 1000),
    Attention(1, 4, 2, 64, "bf16", seq=300, kv_seq=300, causal=True, window=99),
    Decode(1, 4, 2, 64, "bf16", kv_len=3000),
    Mlp(300, 200, 400, "bf16"),
    BatchMatmul(128, 120, 72, "bf16", b=3),
]


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_where_to_begin_is_legal_and_compiles_to_what_the_gpu_has_room_for(
    workload: Workload, described: Callable[[str], Gpu]
) -> None:
    backend = Triton(described("h200"))
    space = backend.space(workload)
    legal = [hint for hint in space.hints() if _is_legal(space, hint)]
    assert legal
    smallest = min(legal, key=lambda hint: np.prod([v for k, v in hint.items() if k.startswith("BLOCK")]))
    costs = backend.build(workload, Schedule.of(dict(smallest))).simulate()
    assert costs["cost"] > 0
    assert costs["spills"] == 0


HINTED: list[tuple[Workload, int]] = [
    (Add((1000, 333)), 4),
    (Softmax(333, 1000), 4),
    (Attention(1, 4, 2, 60, "bf16", seq=300, kv_seq=300), 4),
    (Decode(1, 4, 2, 64, "bf16", kv_len=3000), 2),
    (Mlp(300, 201, 401, "bf16"), 6),
    (BatchMatmul(128, 121, 73, "bf16", b=3), 6),
]
"""Of sizes for pointers alone, with how many ways there are at most to give hints to caches."""


@pytest.mark.parametrize(("workload", "ways"), HINTED, ids=lambda value: getattr(value, "name", None))
def test_hints_to_caches_are_decided_where_these_cannot_hold_all(
    workload: Workload, ways: int, described: Callable[[str], Gpu]
) -> None:
    gpus = {
        (name, size): replace(described(name), l2_bytes=size) for name in ("h200", "mi300x") for size in (1 << 40, 1)
    }
    counts = {key: Triton(gpu).space(workload).count() for key, gpu in gpus.items()}
    stores = 1 if isinstance(workload, Decode) else 2
    assert stores * counts["h200", 1 << 40] < counts["h200", 1] <= ways * counts["h200", 1 << 40]
    assert counts["mi300x", 1] == stores * counts["mi300x", 1 << 40]  # whose loads take none
    large = Triton(gpus["h200", 1 << 40]).space(workload)
    for rank in (0, large.count() // 2, large.count() - 1):
        chosen = large.ranked(rank)
        assert chosen is not None
        assert {chosen.values()[name] for name in ("loads", "stores") if name in chosen.values()} == {"kept"}


@pytest.mark.parametrize("name", ["h200", "a100"])
@pytest.mark.parametrize("stages", [1, 3])
def test_hints_of_loads_are_legal_where_the_compiler_passes_them_on(
    name: str, stages: int, described: Callable[[str], Gpu]
) -> None:
    tile = {"variant": "tiles", "BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 32, "GROUP": 8, "num_warps": 4}
    config = {**tile, "num_stages": stages, "loads": "a_streamed", "stores": "kept"}
    workload, gpu = Matmul(4096, 4096, 4096, "f16"), described(name)
    parameters = {"multiprocessors": gpu.multiprocessors}
    (launch,) = launches(source_of(workload).load(), config, workload.operands, parameters, gpu)
    assert ("evict_first" in launch.kernel.asm["ptx"]) is _is_legal(Triton(gpu).space(workload), config)


def _is_legal(space: object, hint: object) -> bool:
    from mlopt.core.errors import InvalidSchedule

    try:
        space.check(Schedule.of(dict(hint)))  # type: ignore[attr-defined, call-overload]
    except InvalidSchedule:
        return False
    return True


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_the_space_is_smaller_on_a_gpu_with_less_room(workload: Workload, described: Callable[[str], Gpu]) -> None:
    roomy = described("h200")
    tight = replace(roomy, shared_bytes_per_block=8192, registers_per_thread=96)
    assert 0 < Triton(tight).space(workload).count() < Triton(roomy).space(workload).count()


@pytest.mark.parametrize(
    ("workload", "config", "right", "wrong"),
    [
        (Gelu((300,)), PLAIN, "at < count", "at < count - 1"),
        (Softmax(5, 300), {"variant": "blocks", "BLOCK": 128, **ROW}, "total * tl.exp(centre - larger)", "total"),
        (Layernorm(5, 300), {"variant": "blocks", "BLOCK": 128, **ROW}, "change * change * first * share", "0.0"),
        (Attention(1, 1, 1, 16, seq=40, kv_seq=40, causal=True), {"variant": "pointers", **BLOCKS}, "<= pos", "< pos"),
        (Decode(1, 1, 1, 16, kv_len=70), {**SPLIT, "product": "sums"}, "sums * kept[:, None], axis=0", "sums, axis=0"),
        (Mlp(21, 19, 37), {"variant": "tiles", **TILE}, "inner[:, None] < k", "inner[:, None] < k - 1"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_fault_of_one_line_is_a_wrong_result(
    workload: Workload, config: dict[str, object], right: str, wrong: str, interpret: Interpret
) -> None:
    text = workload.source("triton")
    assert right in text
    with pytest.raises(WrongResult):
        interpret(workload, config, text.replace(right, wrong))


@pytest.mark.parametrize("workload", [Attention(head_dim=128), Mlp(), BatchMatmul()], ids=repr)
def test_where_to_begin_in_full_float32_has_room_for_what_threads_multiply(
    workload: Workload, described: Callable[[str], Gpu]
) -> None:
    backend = Triton(described("h200"))
    space = backend.space(workload)
    chosen = next(Schedule.of(dict(hint)) for hint in space.hints() if _is_legal(space, hint))
    assert backend.build(workload, chosen).simulate()["spills"] < 1000


@pytest.mark.parametrize("heads", [8, 128])
def test_queries_that_share_a_cache_have_room_for_their_sums_and_scores(
    heads: int, described: Callable[[str], Gpu]
) -> None:
    config = {"SPLITS": 1, "BLOCK": 32, "product": "tensor_cores", "loads": "kept", "num_warps": 2, "num_stages": 2}
    space = Triton(described("h200")).space(Decode(1, heads, 1, 128, "f16", kv_len=4096))
    assert _is_legal(space, config) is (heads == 8)
