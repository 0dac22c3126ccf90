"""Two linear layers on a GPU, each a product of matrices whose bias and GELU are added before a tile is stored."""

import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor

POLICIES = {"kept": ("", ""), "x_streamed": ("evict_first", "evict_last"), "w_streamed": ("evict_last", "evict_first")}
"""How long caches hold what is read of a layer's input and of its weights, by what is streamed past the other."""

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


def _bytes(dtype):
    return 4 if dtype in ("f32", "float32") else 2


def _waiting(BLOCK_M, num_warps, num_stages, dtype, gpu):
    """Stages in shared memory; one fewer where the first goes on to registers."""
    there = gpu.multiplies_from_shared_memory(BLOCK_M, num_warps) and _bytes(dtype) <= 2
    return max(1, num_stages if there else num_stages - 1)


def _shared_memory_holds_the_stages(BLOCK_M, BLOCK_N, BLOCK_K, num_warps, num_stages, dtype, gpu):
    # What persistent programs need beside them for the end of a tile, the compiler knows alone.
    stages = _waiting(BLOCK_M, num_warps, num_stages, dtype, gpu)
    return stages * (BLOCK_M + BLOCK_N) * BLOCK_K * _bytes(dtype) <= gpu.shared_bytes_per_block


def _registers_hold_the_sums(BLOCK_M, BLOCK_N, num_warps, gpu):
    # Addresses, operands and what a GELU computes need room too.
    return (gpu.registers_per_thread - 63) * gpu.warp * num_warps >= BLOCK_M * BLOCK_N


def _products_in_full_float32_have_room_for_their_operands(BLOCK_M, BLOCK_N, num_warps, dtype, gpu):
    # No matrix unit makes them: threads hold what they multiply.
    return dtype not in ("f32", "float32") or 64 * gpu.warp * num_warps >= BLOCK_M * BLOCK_N


def _every_thread_has_work(BLOCK_M, BLOCK_N, num_warps, gpu):
    # The fewest warps that there are do for every tile: of small matrices there is no larger one.
    return num_warps == min(KNOBS["num_warps"]) or 4 * gpu.warp * num_warps <= BLOCK_M * BLOCK_N


def _tiles_are_not_far_larger_than_the_matrices(BLOCK_M, BLOCK_N, BLOCK_K, m, d_model, d_ff):
    width = max(d_model, d_ff)
    return all(a <= max(16, 2 * b) for a, b in ((BLOCK_M, m), (BLOCK_N, width), (BLOCK_K, width)))


def _descriptors_need_aligned_rows(variant, d_model, d_ff, dtype, gpu):
    aligned = all(size * _bytes(dtype) % 16 == 0 for size in (d_model, d_ff))
    return "descriptor" not in variant or (gpu.runtime == "cuda" and gpu.arch >= 90 and aligned)


def _descriptors_take_no_policy(variant, loads):
    return "descriptor" not in variant or loads == "kept"


def _the_compiler_passes_hints_of_loads_on(num_stages, loads, gpu):
    return loads == "kept" or gpu.passes_load_hints(num_stages)


def _caches_take_hints_only_for_more_than_they_hold(loads, stores, m, d_model, d_ff, dtype, gpu):
    of_a_layer = (m * d_model + d_model * d_ff + m * d_ff) * _bytes(dtype)
    return loads == stores == "kept" or of_a_layer > gpu.l2_bytes


CONSTRAINTS = [
    _shared_memory_holds_the_stages,
    _registers_hold_the_sums,
    _products_in_full_float32_have_room_for_their_operands,
    _every_thread_has_work,
    _tiles_are_not_far_larger_than_the_matrices,
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
    """Tiles that are cut short in each direction, by rows that descriptors can address."""
    m, n, k = config["BLOCK_M"], config["BLOCK_N"], config["BLOCK_K"]
    rest = 8 if "descriptor" in config["variant"] else 3
    return [{"m": m + 5, "d_model": k + rest, "d_ff": n + rest}]


# EVOLVE-BLOCK-START


@triton.jit
def gelu(x):
    """By its formula with a hyperbolic tangent: x / (1 + exp(-2 z)) is x (1 + tanh z) / 2."""
    z = 0.7978845608028654 * (x + 0.044715 * x * x * x)
    return x * tl.sigmoid(2.0 * z)


@triton.jit
def linear_tile(
    x, w, bias, y, number, m, n, k,
    M: tl.constexpr, N: tl.constexpr, K: tl.constexpr, GROUP: tl.constexpr, GELU: tl.constexpr,
    DESCRIBED: tl.constexpr, X_POLICY: tl.constexpr, W_POLICY: tl.constexpr, CACHE: tl.constexpr,
):  # fmt: skip
    """Tile `number` of X W + bias, of shape (M, N); `GROUP` rows of tiles go through all columns together."""
    rows, columns = tl.cdiv(m, M), tl.cdiv(n, N)
    first = number // (GROUP * columns) * GROUP
    height = tl.minimum(rows - first, GROUP)
    row, column = first + number % (GROUP * columns) % height, number % (GROUP * columns) // height
    i, j = row * M + tl.arange(0, M), column * N + tl.arange(0, N)
    # Rows and columns beyond the end are read from the beginning: what becomes of them is not stored.
    within_m, within_n = (i % m).to(tl.int64)[:, None], (j % n)[None, :]
    sums = tl.zeros((M, N), tl.float32)
    for step in range(0, k, K):
        if DESCRIBED:
            left, right = x.load([row * M, step]), w.load([step, column * N])
        else:
            inner = step + tl.arange(0, K)
            at, here = x + within_m * k + inner[None, :], inner[None, :] < k
            left = tl.load(at, mask=here, other=0.0, eviction_policy=X_POLICY)
            at, here = w + inner.to(tl.int64)[:, None] * n + within_n, inner[:, None] < k
            right = tl.load(at, mask=here, other=0.0, eviction_policy=W_POLICY)
        sums = tl.dot(left, right, sums, input_precision="ieee")
    sums += tl.load(bias + j % n).to(tl.float32)[None, :]
    if GELU:
        sums = gelu(sums)
    place = y + i.to(tl.int64)[:, None] * n + j[None, :]
    tl.store(place, sums.to(y.dtype.element_ty), mask=(i[:, None] < m) & (j[None, :] < n), cache_modifier=CACHE)


@triton.jit
def linear(
    x, w, bias, y, m, n, k,
    M: tl.constexpr, N: tl.constexpr, K: tl.constexpr, GROUP: tl.constexpr, GELU: tl.constexpr,
    DESCRIBED: tl.constexpr, PERSISTENT: tl.constexpr, X_POLICY: tl.constexpr, W_POLICY: tl.constexpr,
    CACHE: tl.constexpr,
):  # fmt: skip
    """Each program a tile; where they are persistent, one after another, the next of which is loaded in time."""
    if PERSISTENT:
        for number in tl.range(tl.program_id(0), tl.cdiv(m, M) * tl.cdiv(n, N), tl.num_programs(0), flatten=True):
            linear_tile(
                x, w, bias, y, number, m, n, k,
                M, N, K, GROUP, GELU, DESCRIBED, X_POLICY, W_POLICY, CACHE,
            )  # fmt: skip
    else:
        linear_tile(
            x, w, bias, y, tl.program_id(0), m, n, k,
            M, N, K, GROUP, GELU, DESCRIBED, X_POLICY, W_POLICY, CACHE,
        )  # fmt: skip


# EVOLVE-BLOCK-END


def launch(x, w1, b1, w2, b2, *, config, multiprocessors):
    """gelu(x w1 + b1) w2 + b2, shape (m, d_model); x of shape (m, d_model), w1 of shape (d_model, d_ff)."""
    hidden = _layer(x, w1, b1, True, config, multiprocessors)
    return _layer(hidden, w2, b2, False, config, multiprocessors)


def _layer(x, w, bias, hidden, config, multiprocessors):
    """A hidden layer is activated, and read by the next one: its result is kept."""
    (m, k), n = x.shape, w.shape[1]
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    M, N, K = (config[f"BLOCK_{letter}"] for letter in "MNK")
    persistent, described = (word in config["variant"] for word in ("persistent", "descriptor"))
    if described:
        x, w = TensorDescriptor.from_tensor(x, [M, K]), TensorDescriptor.from_tensor(w, [K, N])
    count = triton.cdiv(m, M) * triton.cdiv(n, N)
    linear[(min(count, multiprocessors) if persistent else count,)](
        x,
        w,
        bias,
        y,
        m,
        n,
        k,
        M=M,
        N=N,
        K=K,
        GROUP=config["GROUP"],
        GELU=hidden,
        DESCRIBED=described,
        PERSISTENT=persistent,
        X_POLICY=POLICIES[config["loads"]][0],
        W_POLICY=POLICIES[config["loads"]][1],
        CACHE=".cs" if config["stores"] == "streamed" and not hidden else "",
        num_warps=config["num_warps"],
        num_stages=config["num_stages"],
    )
    return y
