"""A step of decoding on a GPU: the cache is split among programs, whose results are put together (Dao and others 2023).

The queries of a group share keys and values, so each program works for all of them.
"""

import math

import torch
import triton
import triton.language as tl

KNOBS = {
    "SPLITS": [1, 2, 4, 8, 16, 32, 64, 128],
    "BLOCK": [16, 32, 64, 128, 256],
    "product": ["tensor_cores", "sums"],
    "loads": ["kept", "streamed"],
    "num_warps": [1, 2, 4, 8],
    "num_stages": [1, 2, 3, 4],
}


def _bytes(dtype):
    return 4 if dtype in ("f32", "float32") else 2


def _width(head_dim):
    """Elements of a head as blocks hold them: a power of two."""
    return max(16, 1 << (head_dim - 1).bit_length())


def _group(heads, kv_heads):
    """Heads that share one of the cache's; where nothing is said of these, each has its own."""
    return heads // (kv_heads or heads)


def _queries(group, product):
    """Queries of a program as matrix units take them: 16 at least, and a power of two."""
    return 1 if product == "sums" else max(16, triton.next_power_of_2(group))


def _every_split_has_keys(SPLITS, BLOCK, kv_len):
    return SPLITS == 1 or max(kv_len, 16) >= SPLITS * BLOCK


def _shared_memory_holds_the_stages(BLOCK, num_stages, head_dim, dtype, gpu):
    return 2 * max(1, num_stages - 1) * BLOCK * _width(head_dim) * _bytes(dtype) <= gpu.shared_bytes_per_block


def _registers_hold_a_block(BLOCK, num_warps, head_dim, gpu):
    elements = BLOCK * _width(head_dim)
    return gpu.warp * num_warps <= elements <= (gpu.registers_per_thread - 63) // 2 * gpu.warp * num_warps


def _registers_hold_sums_and_scores(BLOCK, product, num_warps, heads, kv_heads, head_dim, gpu):
    queries = _queries(_group(heads, kv_heads), product)
    return queries * (_width(head_dim) + BLOCK) <= (gpu.registers_per_thread - 31) * gpu.warp * num_warps


def _sums_are_of_one_query(product, heads, kv_heads):
    return product == "tensor_cores" or _group(heads, kv_heads) == 1


def _the_compiler_passes_hints_of_loads_on(num_stages, loads, gpu):
    return loads == "kept" or gpu.passes_load_hints(num_stages)


def _caches_take_hints_only_for_more_than_they_hold(loads, batch, heads, kv_heads, kv_len, head_dim, dtype, gpu):
    caches = 2 * batch * heads // _group(heads, kv_heads) * kv_len * head_dim * _bytes(dtype)
    return loads == "kept" or caches > gpu.l2_bytes


CONSTRAINTS = [
    _every_split_has_keys,
    _shared_memory_holds_the_stages,
    _registers_hold_a_block,
    _registers_hold_sums_and_scores,
    _sums_are_of_one_query,
    _the_compiler_passes_hints_of_loads_on,
    _caches_take_hints_only_for_more_than_they_hold,
]

START = [
    {"SPLITS": splits, "BLOCK": block, "product": product, "loads": loads, "num_warps": 4, "num_stages": 3}
    for splits, block in ((8, 64), (16, 64), (1, 64), (1, 16))
    for product in ("sums", "tensor_cores")
    for loads in ("streamed", "kept")
]


def small(config):
    """A block, or a few, for each split but the last, which has fewer keys; three heads for each of the cache's."""
    heads, kv_heads = (2, 2) if config["product"] == "sums" else (3, 1)
    length = config["SPLITS"] * config["BLOCK"]
    return [{"batch": 1, "heads": heads, "kv_heads": kv_heads, "kv_len": length + length // 2 - 5}]


# EVOLVE-BLOCK-START


@triton.jit
def part(
    q, k, v, y, sums_of_parts, totals_of_parts, keys, scale,
    GROUP: tl.constexpr, G: tl.constexpr, SPLITS: tl.constexpr, DIM: tl.constexpr, N: tl.constexpr, D: tl.constexpr,
    SUMS: tl.constexpr, POLICY: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """The queries of a group past the keys of one split; `scale` makes powers of two of scores."""
    head, split = tl.program_id(0), tl.program_id(1)
    place, column = tl.arange(0, G), tl.arange(0, D)
    query = head * GROUP + place
    mask = (place < GROUP)[:, None] & (column < DIM)[None, :]
    at = query.to(tl.int64)[:, None] * DIM + column[None, :]
    x = tl.load(q + at, mask=mask, other=0.0)
    share = tl.cdiv(tl.cdiv(keys, SPLITS), N) * N
    begin, end = split * share, tl.minimum(split * share + share, keys)
    sums = tl.zeros((G, D), tl.float32)
    total = tl.zeros((G,), tl.float32)
    most = tl.full((G,), -1.0e30, tl.float32)
    for key in tl.range(begin, end, N, num_stages=STAGES):
        row = key + tl.arange(0, N)
        where = (head.to(tl.int64) * keys + row)[:, None] * DIM + column[None, :]
        there = (row < end)[:, None] & (column < DIM)[None, :]
        own_keys = tl.load(k + where, mask=there, other=0.0, eviction_policy=POLICY)
        values = tl.load(v + where, mask=there, other=0.0, eviction_policy=POLICY)
        if SUMS:
            scores = tl.sum(own_keys.to(tl.float32) * x.to(tl.float32), axis=1)[None, :] * scale
        else:
            scores = tl.dot(x, own_keys.T, input_precision="ieee") * scale
        scores = tl.where((row < end)[None, :], scores, float("-inf"))
        larger = tl.maximum(most, tl.max(scores, axis=1))
        weights, kept = tl.exp2(scores - larger[:, None]), tl.exp2(most - larger)
        total = total * kept + tl.sum(weights, axis=1)
        if SUMS:
            one = tl.reshape(weights, (N, 1))
            sums = sums * kept[:, None] + tl.sum(one * values.to(tl.float32), axis=0)[None, :]
        else:
            sums = tl.dot(weights.to(values.dtype), values, sums * kept[:, None], input_precision="ieee")
        most = larger
    if SPLITS == 1:
        tl.store(y + at, (sums / total[:, None]).to(y.dtype.element_ty), mask=mask)
    else:
        number = query * SPLITS + split
        tl.store(sums_of_parts + number.to(tl.int64)[:, None] * DIM + column[None, :], sums, mask=mask)
        tl.store(totals_of_parts + 2 * number, total, mask=place < GROUP)
        tl.store(totals_of_parts + 2 * number + 1, most, mask=place < GROUP)


@triton.jit
def together(sums_of_parts, totals_of_parts, y, SPLITS: tl.constexpr, DIM: tl.constexpr, D: tl.constexpr):
    """The result of one query from those of its splits; one without keys has a sum of zero."""
    query, split, column = tl.program_id(0), tl.arange(0, SPLITS), tl.arange(0, D)
    number = query * SPLITS + split
    total, most = tl.load(totals_of_parts + 2 * number), tl.load(totals_of_parts + 2 * number + 1)
    at = number.to(tl.int64)[:, None] * DIM + column[None, :]
    sums = tl.load(sums_of_parts + at, mask=(column < DIM)[None, :], other=0.0)
    kept = tl.exp2(most - tl.max(most, axis=0))
    result = tl.sum(sums * kept[:, None], axis=0) / tl.sum(total * kept, axis=0)
    tl.store(y + query.to(tl.int64) * DIM + column, result.to(y.dtype.element_ty), mask=column < DIM)


# EVOLVE-BLOCK-END


def launch(q, k, v, *, config):
    """Q of shape (batch, heads, dim), K and V of shape (batch, kv_heads, keys, dim): the result, as Q."""
    y = torch.empty_like(q)
    (batch, heads, dim), (_, kv_heads, keys, _) = q.shape, k.shape
    splits, group, sums = config["SPLITS"], heads // kv_heads, config["product"] == "sums"
    D = _width(dim)
    parts = batch * heads * splits if splits > 1 else 0
    sums_of_parts = torch.empty((parts, dim), dtype=torch.float32, device=q.device)
    totals_of_parts = torch.empty((parts, 2), dtype=torch.float32, device=q.device)
    part[(batch * kv_heads, splits)](
        q,
        k,
        v,
        y,
        sums_of_parts,
        totals_of_parts,
        keys,
        math.log2(math.e) / math.sqrt(dim),
        GROUP=group,
        G=_queries(group, config["product"]),
        SPLITS=splits,
        DIM=dim,
        N=config["BLOCK"],
        D=D,
        SUMS=sums,
        POLICY="evict_first" if config["loads"] == "streamed" else "",
        STAGES=config["num_stages"],
        num_warps=config["num_warps"],
    )
    if splits > 1:
        together[(batch * heads,)](sums_of_parts, totals_of_parts, y, SPLITS=splits, DIM=dim, D=D)
    return y
