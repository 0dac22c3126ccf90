"""Attention on a GPU by online softmax: blocks of queries, each past the blocks of keys that it sees (Dao 2023)."""

import math

import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor

HIDDEN = tl.constexpr(-1.0e30)
"""In the place of a score that a query does not see: a row that has seen no key yet then has a maximum, too."""

KNOBS = {
    "variant": ["pointers", "descriptors", "specialised"],
    "BLOCK_M": [16, 32, 64, 128, 256],
    "BLOCK_N": [16, 32, 64, 128, 256],
    "num_warps": [2, 4, 8],
    "num_stages": [1, 2, 3, 4],
    "loads": ["kept", "streamed"],
    "stores": ["kept", "streamed"],
}
"""Queries and results, each needed once, are streamed past keys and values, which are to stay in the caches."""


def _bytes(dtype):
    return 4 if dtype in ("f32", "float32") else 2


def _width(head_dim):
    """Elements of a head as blocks hold them: a power of two."""
    return max(16, 1 << (head_dim - 1).bit_length())


def _waiting(BLOCK_M, num_warps, num_stages, dtype, gpu):
    """Stages in shared memory; one fewer where the first goes on to registers."""
    there = gpu.multiplies_from_shared_memory(BLOCK_M, num_warps) and _bytes(dtype) <= 2
    return max(1, num_stages if there else num_stages - 1)


def _shared_memory_holds_the_stages(BLOCK_M, BLOCK_N, num_warps, num_stages, head_dim, dtype, gpu):
    blocks = BLOCK_M + 2 * _waiting(BLOCK_M, num_warps, num_stages, dtype, gpu) * BLOCK_N
    return blocks * _width(head_dim) * _bytes(dtype) <= gpu.shared_bytes_per_block


def _registers_hold_sums_and_scores(BLOCK_M, BLOCK_N, num_warps, head_dim, gpu):
    return BLOCK_M * (_width(head_dim) + BLOCK_N) <= (gpu.registers_per_thread - 31) * gpu.warp * num_warps


def _products_in_full_float32_have_room_for_their_operands(BLOCK_M, BLOCK_N, num_warps, head_dim, dtype, gpu):
    # No matrix unit makes them: threads hold what they multiply. Beyond this, thousands of values were seen to spill.
    width = _width(head_dim)
    of_a_thread = BLOCK_M * (width + BLOCK_N) / (gpu.warp * num_warps)
    return _bytes(dtype) <= 2 or BLOCK_M == BLOCK_N == 16 or of_a_thread * width <= 5120


def _every_thread_has_work(BLOCK_M, BLOCK_N, num_warps, gpu):
    return 2 * gpu.warp * num_warps <= BLOCK_M * BLOCK_N and 8 * num_warps <= BLOCK_M


def _blocks_are_not_far_larger_than_what_there_is(BLOCK_M, BLOCK_N, seq, kv_seq):
    return all(block <= max(16, 2 * size) for block, size in ((BLOCK_M, seq), (BLOCK_N, kv_seq)))


def _descriptors_need_aligned_rows(variant, head_dim, dtype, gpu):
    described = gpu.runtime == "cuda" and gpu.arch >= 90 and head_dim * _bytes(dtype) % 16 == 0 and head_dim <= 256
    return variant == "pointers" or described


def _the_compiler_specialises_warps(variant, num_warps, num_stages, gpu):
    # Of Triton's compilers that for compute capability 10 does; that for 9 fails at these loops (3.6, 3.9).
    able = gpu.runtime == "cuda" and 100 <= gpu.arch < 120
    return variant != "specialised" or (able and num_warps >= 4 and num_stages > 1)


def _the_compiler_passes_hints_of_loads_on(loads, gpu):
    return loads == "kept" or gpu.passes_load_hints()


def _caches_take_hints_only_for_more_than_they_hold(
    loads, stores, batch, heads, kv_heads, seq, kv_seq, head_dim, dtype, gpu
):
    everything = 2 * batch * (heads * seq + (kv_heads or heads) * kv_seq) * head_dim * _bytes(dtype)
    return loads == stores == "kept" or everything > gpu.l2_bytes


CONSTRAINTS = [
    _shared_memory_holds_the_stages,
    _registers_hold_sums_and_scores,
    _products_in_full_float32_have_room_for_their_operands,
    _every_thread_has_work,
    _blocks_are_not_far_larger_than_what_there_is,
    _descriptors_need_aligned_rows,
    _the_compiler_specialises_warps,
    _the_compiler_passes_hints_of_loads_on,
    _caches_take_hints_only_for_more_than_they_hold,
]

_LARGE = {"BLOCK_M": 128, "BLOCK_N": 128, "num_warps": 8, "num_stages": 3}
_MEDIUM = {"BLOCK_M": 128, "BLOCK_N": 64, "num_warps": 4, "num_stages": 3}
_SMALL = {"BLOCK_M": 64, "BLOCK_N": 32, "num_warps": 4, "num_stages": 2}
_LEAST = {"BLOCK_M": 32, "BLOCK_N": 32, "num_warps": 4, "num_stages": 2}
_BLOCKS = (_LARGE, _MEDIUM, _SMALL, _LEAST)
START = [
    {"variant": variant, **blocks, "loads": "kept", "stores": "kept"}
    for blocks in _BLOCKS
    for variant in KNOBS["variant"]
]


def small(config):
    """Two blocks of queries and three of keys, the last ones cut short; two heads for each of keys and values."""
    seq, kv_seq = config["BLOCK_M"] + 3, max(config["BLOCK_M"] + 3, 2 * config["BLOCK_N"] + 5)
    return [{"batch": 1, "heads": 2, "kv_heads": 1, "seq": seq, "kv_seq": kv_seq}]


# EVOLVE-BLOCK-START


@triton.jit
def block_of(
    source, head, keys, key,
    DIM: tl.constexpr, N: tl.constexpr, D: tl.constexpr, DESCRIBED: tl.constexpr, POLICY: tl.constexpr,
):  # fmt: skip
    """Keys or values of a head from `key` on, shape (N, D); zeros, or those of the next head, beyond the last one."""
    if DESCRIBED:
        return source.load([head * keys + key, 0])
    else:
        row, column = key + tl.arange(0, N)[:, None], tl.arange(0, D)[None, :]
        at = (head.to(tl.int64) * keys + row) * DIM + column
        if DIM == D:
            return tl.load(source + at, mask=row < keys, other=0.0, eviction_policy=POLICY)
        else:
            return tl.load(source + at, mask=(row < keys) & (column < DIM), other=0.0, eviction_policy=POLICY)


@triton.jit
def past_keys(
    sums, total, most, q, k, v, head, position, keys, begin, end, scale,
    WINDOW: tl.constexpr, CAUSAL: tl.constexpr, MASKED: tl.constexpr, DIM: tl.constexpr, N: tl.constexpr,
    D: tl.constexpr, DESCRIBED: tl.constexpr, SPECIALISED: tl.constexpr, KV_POLICY: tl.constexpr,
):  # fmt: skip
    """The sums, weights' sum and maximum of queries after these keys; where not MASKED, all of them are seen."""
    for key in tl.range(begin, end, N, warp_specialize=SPECIALISED):
        key = tl.multiple_of(key, N)
        own_keys = block_of(k, head, keys, key, DIM, N, D, DESCRIBED, KV_POLICY)
        scores = tl.dot(q, own_keys.T, input_precision="ieee") * scale
        if MASKED:
            at = key + tl.arange(0, N)[None, :]
            seen = at < keys
            if CAUSAL:
                seen = seen & (at <= position[:, None])
            if WINDOW:
                seen = seen & (position[:, None] - at < WINDOW)
            scores = tl.where(seen, scores, HIDDEN)
        larger = tl.maximum(most, tl.max(scores, axis=1))
        weights, kept = tl.exp2(scores - larger[:, None]), tl.exp2(most - larger)
        values = block_of(v, head, keys, key, DIM, N, D, DESCRIBED, KV_POLICY)
        sums = tl.dot(weights.to(values.dtype), values, sums * kept[:, None], input_precision="ieee")
        total = total * kept + tl.sum(weights, axis=1)
        most = larger
    return sums, total, most


@triton.jit
def attention(
    q, k, v, y, queries, keys, group, scale,
    WINDOW: tl.constexpr, CAUSAL: tl.constexpr, DIM: tl.constexpr, M: tl.constexpr, N: tl.constexpr, D: tl.constexpr,
    DESCRIBED: tl.constexpr, SPECIALISED: tl.constexpr, Q_POLICY: tl.constexpr, KV_POLICY: tl.constexpr,
    CACHE: tl.constexpr,
):  # fmt: skip
    """Each program a block of M queries of one head; `scale` makes powers of two of scores."""
    blocks = tl.cdiv(queries, M)
    # The last queries of a head see most keys, where that differs: they come first.
    block, head = blocks - 1 - tl.program_id(0) % blocks, tl.program_id(0) // blocks
    query, column = block * M + tl.arange(0, M), tl.arange(0, D)
    at = (head.to(tl.int64) * queries + query)[:, None] * DIM + column[None, :]
    mask = (query < queries)[:, None] & (column < DIM)[None, :]
    x = tl.load(q + at, mask=mask, other=0.0, eviction_policy=Q_POLICY)
    position = query + keys - queries
    first, last = block * M + keys - queries, tl.minimum(block * M + M, queries) - 1 + keys - queries

    begin, end = 0, keys  # that any query of the block sees; between them, those that all of them do
    all_begin, all_end = 0, keys // N * N
    if CAUSAL:
        end = last + 1
        all_end = tl.minimum(all_end, (first + 1) // N * N)
    if WINDOW:
        begin = tl.maximum(first - WINDOW + 1, 0) // N * N
        all_begin = tl.cdiv(tl.maximum(last - WINDOW + 1, 0), N) * N
        all_begin = tl.minimum(all_begin, tl.cdiv(end, N) * N)
        all_end = tl.maximum(all_end, all_begin)

    sums = tl.zeros((M, D), tl.float32)
    total = tl.zeros((M,), tl.float32)
    most = tl.full((M,), float("-inf"), tl.float32)
    if WINDOW:
        sums, total, most = past_keys(
            sums, total, most, x, k, v, head // group, position, keys, begin, all_begin, scale,
            WINDOW, CAUSAL, True, DIM, N, D, DESCRIBED, SPECIALISED, KV_POLICY,
        )  # fmt: skip
    sums, total, most = past_keys(
        sums, total, most, x, k, v, head // group, position, keys, all_begin, all_end, scale,
        WINDOW, CAUSAL, False, DIM, N, D, DESCRIBED, SPECIALISED, KV_POLICY,
    )  # fmt: skip
    sums, total, most = past_keys(
        sums, total, most, x, k, v, head // group, position, keys, all_end, end, scale,
        WINDOW, CAUSAL, True, DIM, N, D, DESCRIBED, SPECIALISED, KV_POLICY,
    )  # fmt: skip
    tl.store(y + at, (sums / total[:, None]).to(y.dtype.element_ty), mask=mask, cache_modifier=CACHE)


# EVOLVE-BLOCK-END


def launch(q, k, v, *, config, causal=False, window=None):
    """Q of shape (batch, heads, seq, dim), K and V of shape (batch, kv_heads, keys, dim): the result, as Q."""
    y = torch.empty_like(q)
    (batch, heads, queries, dim), (_, kv_heads, keys, _) = q.shape, k.shape
    M, N, D = config["BLOCK_M"], config["BLOCK_N"], _width(dim)
    described, streamed = config["variant"] != "pointers", config["loads"] == "streamed"
    if described:
        k, v = (TensorDescriptor.from_tensor(operand.reshape(-1, dim), [N, D]) for operand in (k, v))
    attention[(batch * heads * triton.cdiv(queries, M),)](
        q,
        k,
        v,
        y,
        queries,
        keys,
        heads // kv_heads,
        math.log2(math.e) / math.sqrt(dim),
        WINDOW=window or 0,
        CAUSAL=causal,
        DIM=dim,
        M=M,
        N=N,
        D=D,
        DESCRIBED=described,
        SPECIALISED=config["variant"] == "specialised",
        Q_POLICY="evict_first" if streamed else "",
        KV_POLICY="evict_last" if streamed else "",
        CACHE=".cs" if config["stores"] == "streamed" else "",
        num_warps=config["num_warps"],
        num_stages=config["num_stages"],
    )
    return y
