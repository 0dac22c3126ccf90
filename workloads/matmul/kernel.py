"""Matrix products C = A B on a GPU: tiles of C in groups that share rows of A and columns of B in the second cache."""

import math

import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor

POLICIES = {"kept": ("", ""), "a_streamed": ("evict_first", "evict_last"), "b_streamed": ("evict_last", "evict_first")}
"""How long caches hold what is read of A and of B, by what is streamed past the other."""

KNOBS = {
    "variant": ["tiles", "persistent", "descriptor", "persistent_descriptor"],
    "BLOCK_M": [16, 32, 64, 128, 256],
    "BLOCK_N": [16, 32, 64, 128, 256],
    "BLOCK_K": [16, 32, 64, 128],
    "GROUP": [1, 2, 4, 8, 16],
    "num_warps": [2, 4, 8],
    "num_stages": [1, 2, 3, 4, 5],
    "loads": list(POLICIES),
    "stores": ["kept", "streamed"],
}

_FP8 = ("fp8", "float8_e4m3fn")


def _bytes(dtype):
    return 1 if dtype in _FP8 else 4 if dtype in ("f32", "float32", "tf32") else 2


def _the_gpu_multiplies_this_dtype(dtype, gpu):
    return dtype not in _FP8 or (gpu.runtime == "cuda" and gpu.arch >= 89)


def _products_of_fp8_have_32_terms(BLOCK_K, dtype):
    return dtype not in _FP8 or BLOCK_K >= 32


def _waiting(BLOCK_M, num_warps, num_stages, dtype, gpu):
    """Stages in shared memory; one fewer where the first goes on to registers."""
    there = gpu.multiplies_from_shared_memory(BLOCK_M, num_warps) and dtype not in ("f32", "float32")
    return max(1, num_stages if there else num_stages - 1)


def _exchanged(variant, BLOCK_M, BLOCK_N, BLOCK_K, num_warps, num_stages, n, dtype, gpu):
    """Bytes, at least, that a persistent program needs to store a tile, while stages of the next one wait."""
    if "persistent" not in variant or num_stages == 1 or n % 16:
        return 0
    size, on_units = max(2, _bytes(dtype)), dtype not in ("f32", "float32")
    # To turn tiles of B of tf32 round, the compiler has a buffer of its own, which is free by then.
    free = BLOCK_N * BLOCK_K * size if dtype == "tf32" and "descriptor" in variant else 0
    return max(0, gpu.exchanged_bytes(BLOCK_M, BLOCK_N, num_warps, size, on_units) - free)


def _shared_memory_holds_the_stages(variant, BLOCK_M, BLOCK_N, BLOCK_K, num_warps, num_stages, n, dtype, gpu):
    stages = _waiting(BLOCK_M, num_warps, num_stages, dtype, gpu) * (BLOCK_M + BLOCK_N) * BLOCK_K * _bytes(dtype)
    exchanged = _exchanged(variant, BLOCK_M, BLOCK_N, BLOCK_K, num_warps, num_stages, n, dtype, gpu)
    return stages + exchanged <= gpu.shared_bytes_per_block


def _registers_hold_the_sums(BLOCK_M, BLOCK_N, num_warps, gpu):
    # Addresses and operands need room too.
    return (gpu.registers_per_thread - 63) * gpu.warp * num_warps >= BLOCK_M * BLOCK_N


def _products_in_full_float32_have_room_for_their_operands(BLOCK_M, BLOCK_N, num_warps, dtype, gpu):
    # No matrix unit makes them: threads hold what they multiply.
    return dtype not in ("f32", "float32") or 64 * gpu.warp * num_warps >= BLOCK_M * BLOCK_N


def _every_thread_has_work(BLOCK_M, BLOCK_N, num_warps, gpu):
    # The fewest warps that there are do for every tile: of small matrices there is no larger one.
    return num_warps == min(KNOBS["num_warps"]) or 4 * gpu.warp * num_warps <= BLOCK_M * BLOCK_N


def _tiles_are_not_far_larger_than_the_matrix(BLOCK_M, BLOCK_N, BLOCK_K, m, n, k, dtype):
    terms = 32 if dtype in _FP8 else 16
    return max(16, 2 * m) >= BLOCK_M and max(16, 2 * n) >= BLOCK_N and max(terms, 2 * k) >= BLOCK_K


def _descriptors_need_aligned_rows(variant, n, k, dtype, gpu):
    rows = (k,) if dtype in _FP8 else (n, k)
    aligned = all(row * _bytes(dtype) % 16 == 0 for row in rows)
    return "descriptor" not in variant or (gpu.runtime == "cuda" and gpu.arch >= 90 and aligned)


def _descriptors_take_no_policy(variant, loads):
    return "descriptor" not in variant or loads == "kept"


def _the_compiler_passes_hints_of_loads_on(num_stages, loads, gpu):
    return loads == "kept" or gpu.passes_load_hints(num_stages)


def _caches_take_hints_only_for_more_than_they_hold(loads, stores, m, n, k, dtype, gpu):
    everything = (m * k + k * n) * _bytes(dtype) + m * n * max(2, _bytes(dtype))
    return loads == stores == "kept" or everything > gpu.l2_bytes


CONSTRAINTS = [
    _the_gpu_multiplies_this_dtype,
    _products_of_fp8_have_32_terms,
    _shared_memory_holds_the_stages,
    _registers_hold_the_sums,
    _products_in_full_float32_have_room_for_their_operands,
    _every_thread_has_work,
    _tiles_are_not_far_larger_than_the_matrix,
    _descriptors_need_aligned_rows,
    _descriptors_take_no_policy,
    _the_compiler_passes_hints_of_loads_on,
    _caches_take_hints_only_for_more_than_they_hold,
]

_LARGE = {"BLOCK_M": 128, "BLOCK_N": 256, "BLOCK_K": 64, "GROUP": 8, "num_warps": 8, "num_stages": 4}
_MEDIUM = {"BLOCK_M": 128, "BLOCK_N": 128, "BLOCK_K": 64, "GROUP": 8, "num_warps": 4, "num_stages": 4}
_SMALL = {"BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 32, "GROUP": 8, "num_warps": 4, "num_stages": 4}
START = [
    {"variant": variant, **tile, "loads": "kept", "stores": "kept"}
    for tile in (_LARGE, _MEDIUM, _SMALL)
    for variant in KNOBS["variant"]
]


def small(config):
    """Two tiles each way: cut short, by rows that descriptors can address; and whole."""
    m, n, k = config["BLOCK_M"], config["BLOCK_N"], config["BLOCK_K"]
    if "descriptor" in config["variant"]:
        return [{"m": m + 5, "n": n + 8, "k": k + 16}, {"m": m, "n": n, "k": 2 * k}]
    return [{"m": m + 5, "n": n + 3, "k": k + 7}, {"m": m, "n": n, "k": 2 * k}]


# EVOLVE-BLOCK-START


@triton.jit
def tile_of(number, rows, columns, GROUP: tl.constexpr):
    """The row and column of tiles of this number: `GROUP` rows of tiles go through all columns together."""
    width = GROUP * columns
    first = number // width * GROUP
    height = tl.minimum(rows - first, GROUP)
    return first + number % width % height, number % width // height


@triton.jit
def added(x, y, sums, PRECISION: tl.constexpr):
    """The sums in float32 and a product of tiles, added as a whole where matrix units add with fewer digits."""
    if x.dtype.is_fp8():
        return sums + tl.dot(x, y, max_num_imprecise_acc=x.shape[1])
    else:
        return tl.dot(x, y, sums, input_precision=PRECISION)


@triton.jit
def product(
    a, b, m, n, k, row, column,
    M: tl.constexpr, N: tl.constexpr, K: tl.constexpr, PRECISION: tl.constexpr, TRANSPOSED: tl.constexpr,
    A_POLICY: tl.constexpr, B_POLICY: tl.constexpr,
):  # fmt: skip
    """The sums of one tile in float32, shape (M, N)."""
    i, j, inner = row * M + tl.arange(0, M), column * N + tl.arange(0, N), tl.arange(0, K)
    # Rows beyond the end are read from the beginning: what becomes of them is not stored.
    left = a + (i % m).to(tl.int64)[:, None] * k + inner[None, :]
    if TRANSPOSED:
        right = b + (j % n).to(tl.int64)[None, :] * k + inner[:, None]
    else:
        right = b + inner.to(tl.int64)[:, None] * n + (j % n)[None, :]
    sums = tl.zeros((M, N), tl.float32)
    for step in range(0, tl.cdiv(k, K)):
        rest = k - step * K
        x = tl.load(left, mask=inner[None, :] < rest, other=0.0, eviction_policy=A_POLICY)
        y = tl.load(right, mask=inner[:, None] < rest, other=0.0, eviction_policy=B_POLICY)
        sums = added(x, y, sums, PRECISION)
        left += K
        right += K if TRANSPOSED else K * tl.cast(n, tl.int64)
    return sums


@triton.jit
def described_product(
    a, b, k, batch, row, column,
    M: tl.constexpr, N: tl.constexpr, K: tl.constexpr, PRECISION: tl.constexpr, TRANSPOSED: tl.constexpr,
):  # fmt: skip
    """The same of A and B read through tensor descriptors, by the copy engine where there is one.

    They describe the matrices of all batches, of shapes (b, m, k) and (b, k, n), or (b, n, k) where B is transposed,
    and put zeros beyond their ends.
    """
    sums = tl.zeros((M, N), tl.float32)
    for step in range(0, tl.cdiv(k, K)):
        x = a.load([batch, row * M, step * K]).reshape(M, K)
        if TRANSPOSED:
            y = b.load([batch, column * N, step * K]).reshape(N, K).T
        else:
            y = b.load([batch, step * K, column * N]).reshape(K, N)
        sums = added(x, y, sums, PRECISION)
    return sums


@triton.jit
def one_tile(
    a, b, c, m, n, k, number,
    M: tl.constexpr, N: tl.constexpr, K: tl.constexpr, GROUP: tl.constexpr, DESCRIBED: tl.constexpr,
    PRECISION: tl.constexpr, TRANSPOSED: tl.constexpr, A_POLICY: tl.constexpr, B_POLICY: tl.constexpr,
    CACHE: tl.constexpr,
):  # fmt: skip
    """Compute and store tile `number`, of shape (M, N), of those of all products of the batch, one after another."""
    rows, columns = tl.cdiv(m, M), tl.cdiv(n, N)
    batch = number // (rows * columns)
    row, column = tile_of(number % (rows * columns), rows, columns, GROUP)
    wide = batch.to(tl.int64)
    if DESCRIBED:
        sums = described_product(a, b, k, batch, row, column, M, N, K, PRECISION, TRANSPOSED)
    else:
        a, b = a + wide * m * k, b + wide * k * n
        sums = product(a, b, m, n, k, row, column, M, N, K, PRECISION, TRANSPOSED, A_POLICY, B_POLICY)
    i, j = row * M + tl.arange(0, M), column * N + tl.arange(0, N)
    place = c + wide * m * n + i.to(tl.int64)[:, None] * n + j[None, :]
    tl.store(place, sums.to(c.dtype.element_ty), mask=(i[:, None] < m) & (j[None, :] < n), cache_modifier=CACHE)


@triton.jit
def tiles(
    a, b, c, m, n, k, count,
    M: tl.constexpr, N: tl.constexpr, K: tl.constexpr, GROUP: tl.constexpr, DESCRIBED: tl.constexpr,
    PERSISTENT: tl.constexpr, PRECISION: tl.constexpr, TRANSPOSED: tl.constexpr, A_POLICY: tl.constexpr,
    B_POLICY: tl.constexpr, CACHE: tl.constexpr,
):  # fmt: skip
    """Each program one of `count` tiles; persistent ones several, of which the next is loaded in time."""
    if PERSISTENT:
        for number in tl.range(tl.program_id(0), count, tl.num_programs(0), flatten=True):
            one_tile(
                a, b, c, m, n, k, number,
                M, N, K, GROUP, DESCRIBED, PRECISION, TRANSPOSED, A_POLICY, B_POLICY, CACHE,
            )  # fmt: skip
    else:
        one_tile(
            a, b, c, m, n, k, tl.program_id(0),
            M, N, K, GROUP, DESCRIBED, PRECISION, TRANSPOSED, A_POLICY, B_POLICY, CACHE,
        )  # fmt: skip


# EVOLVE-BLOCK-END


def launch(a, b, *, config, multiprocessors, tf32=False, transposed=False):
    """A of shape (..., m, k), B of shape (..., k, n), or its transpose: the product, shape (..., m, n)."""
    (*batch, m, k), n = a.shape, b.shape[-2 if transposed else -1]
    narrow = torch.bfloat16 if a.dtype == torch.float8_e4m3fn else a.dtype
    c = torch.empty((*batch, m, n), dtype=narrow, device=a.device)
    M, N, K = (config[f"BLOCK_{letter}"] for letter in "MNK")
    persistent, described = (word in config["variant"] for word in ("persistent", "descriptor"))
    if described:
        a = TensorDescriptor.from_tensor(a.reshape(-1, m, k), [1, M, K])
        b = TensorDescriptor.from_tensor(b.reshape(-1, *b.shape[-2:]), [1, N, K] if transposed else [1, K, N])
    count = math.prod(batch) * triton.cdiv(m, M) * triton.cdiv(n, N)
    tiles[(min(count, multiprocessors) if persistent else count,)](
        a,
        b,
        c,
        m,
        n,
        k,
        count,
        M=M,
        N=N,
        K=K,
        GROUP=config["GROUP"],
        DESCRIBED=described,
        PERSISTENT=persistent,
        PRECISION="tf32" if tf32 else "ieee",
        TRANSPOSED=transposed,
        A_POLICY=POLICIES[config["loads"]][0],
        B_POLICY=POLICIES[config["loads"]][1],
        CACHE=".cs" if config["stores"] == "streamed" else "",
        num_warps=config["num_warps"],
        num_stages=config["num_stages"],
    )
    return c
