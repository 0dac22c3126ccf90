"""Functions of rows on a GPU: rows that registers hold are read once; longer ones twice, block by block."""

import torch
import triton
import triton.language as tl

EPSILON = tl.constexpr(1e-5)
PROGRAMS = 4
"""Persistent ones, of each multiprocessor: others compute while one waits."""

KNOBS = {
    "variant": ["registers", "persistent", "blocks"],
    "BLOCK": [1 << e for e in range(4, 16)],
    "ROWS": [1, 2, 4, 8, 16],
    "num_warps": [1, 2, 4, 8, 16],
    "num_stages": [1, 2, 3, 4],
    "loads": ["kept", "streamed"],
    "stores": ["kept", "streamed"],
}
"""Where loads are streamed, caches give up first what is read for the last time, and last what is read again."""


def _bytes(dtype):
    return 4 if dtype in ("f32", "float32") else 2


def _a_block_holds_the_row_or_is_a_part_of_it(variant, BLOCK, cols):
    if variant == "blocks":
        return BLOCK >= 128 and (cols > BLOCK or BLOCK == 128)
    return cols <= BLOCK and (2 * cols > BLOCK or BLOCK == 16)


def _every_thread_has_work(BLOCK, ROWS, num_warps, gpu):
    return gpu.warp * num_warps <= max(128, BLOCK * ROWS)


def _registers_hold_the_block(BLOCK, ROWS, num_warps, gpu):
    return (gpu.registers_per_thread - 63) // 2 * gpu.warp * num_warps >= BLOCK * ROWS


def _only_loops_have_stages(variant, num_stages):
    return variant != "registers" or num_stages == 1


def _shared_memory_holds_the_stages(BLOCK, ROWS, num_stages, dtype, gpu):
    # In a loop over blocks the factors of columns are read, too.
    return (num_stages - 1) * BLOCK * (ROWS + 2) * _bytes(dtype) <= gpu.shared_bytes_per_block


def _there_are_so_many_rows(ROWS, rows):
    return ROWS == 1 or rows >= ROWS


def _the_compiler_passes_hints_of_loads_on(num_stages, loads, gpu):
    return loads == "kept" or gpu.passes_load_hints(num_stages)


def _caches_take_hints_only_for_more_than_they_hold(loads, stores, rows, cols, dtype, gpu):
    return loads == stores == "kept" or 2 * rows * cols * _bytes(dtype) > gpu.l2_bytes


CONSTRAINTS = [
    _a_block_holds_the_row_or_is_a_part_of_it,
    _every_thread_has_work,
    _registers_hold_the_block,
    _only_loops_have_stages,
    _shared_memory_holds_the_stages,
    _there_are_so_many_rows,
    _the_compiler_passes_hints_of_loads_on,
    _caches_take_hints_only_for_more_than_they_hold,
]


def _start(variant, BLOCK, num_warps, num_stages):
    loop = {"variant": variant, "BLOCK": BLOCK, "ROWS": 1, "num_warps": num_warps, "num_stages": num_stages}
    return {**loop, "loads": "kept", "stores": "kept"}


START = [
    *(_start("registers", block, max(1, min(16, block // 512)), 1) for block in KNOBS["BLOCK"]),
    *(_start("blocks", block, 8, 2) for block in (4096, 2048)),
]


def small(config):
    """Rows that fill no block, and rows of whole blocks; the last program has fewer of them than it could."""
    block, rows = config["BLOCK"], config["ROWS"]
    if config["variant"] == "blocks":
        return [{"rows": rows + 1, "cols": 2 * block + 3}, {"rows": rows, "cols": block}]
    many = 13 * rows if config["variant"] == "persistent" else rows
    return [{"rows": many + 1, "cols": max(1, block - 3)}, {"rows": rows, "cols": block}]


# EVOLVE-BLOCK-START


@triton.jit
def scaled(normal, gamma, beta, column, here, FUNCTION: tl.constexpr, POLICY: tl.constexpr):
    """Normalised rows, times the factors of columns, and shifted by theirs."""
    result = normal * tl.load(gamma + column, mask=here, other=0.0, eviction_policy=POLICY).to(tl.float32)
    if FUNCTION == "layernorm":
        result += tl.load(beta + column, mask=here, other=0.0, eviction_policy=POLICY).to(tl.float32)
    return result


@triton.jit
def whole_rows(
    x, gamma, beta, y, rows, cols, step,
    BLOCK: tl.constexpr, ROWS: tl.constexpr, FUNCTION: tl.constexpr, ONCE: tl.constexpr, AGAIN: tl.constexpr,
    CACHE: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Rows `ROWS` at a time, `step` apart; one turn of the loop, unless programs are persistent."""
    column = tl.arange(0, BLOCK)[None, :]
    here = column < cols
    for first in tl.range(tl.program_id(0) * ROWS, rows, step, num_stages=STAGES):
        row = first + tl.arange(0, ROWS)[:, None]
        mask = (row < rows) & here
        at = row.to(tl.int64) * cols + column
        # A row that is none is read as zeros, and nothing of it is stored.
        values = tl.load(x + at, mask=mask, other=0.0, eviction_policy=ONCE).to(tl.float32)
        if FUNCTION == "softmax":
            values = tl.where(here, values, float("-inf"))
            weights = tl.exp(values - tl.max(values, axis=1)[:, None])
            result = weights / tl.sum(weights, axis=1)[:, None]
        else:
            if FUNCTION == "layernorm":
                values = tl.where(here, values - tl.sum(values, axis=1)[:, None] / cols, 0.0)
            square = tl.sum(values * values, axis=1)[:, None] / cols
            result = scaled(values * tl.rsqrt(square + EPSILON), gamma, beta, column, here, FUNCTION, AGAIN)
        tl.store(y + at, result.to(y.dtype.element_ty), mask=mask, cache_modifier=CACHE)


@triton.jit
def long_rows(
    x, gamma, beta, y, rows, cols,
    BLOCK: tl.constexpr, ROWS: tl.constexpr, FUNCTION: tl.constexpr, ONCE: tl.constexpr, AGAIN: tl.constexpr,
    CACHE: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """What the result needs of its row is put together block by block; then x is read again, from the second cache.

    Maximum and sum of a softmax as by Milakov and Gimelshein (2018), mean and squares as by Chan and others (1983).
    """
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    start = row.to(tl.int64) * cols
    centre = tl.full((ROWS, 1), float("-inf") if FUNCTION == "softmax" else 0.0, tl.float32)
    total = tl.zeros((ROWS, 1), tl.float32)
    for first in tl.range(0, cols, BLOCK, num_stages=STAGES):
        column = first + tl.arange(0, BLOCK)[None, :]
        here = column < cols
        values = tl.load(x + start + column, mask=(row < rows) & here, other=0.0, eviction_policy=AGAIN).to(tl.float32)
        if FUNCTION == "softmax":
            values = tl.where(here, values, float("-inf"))
            larger = tl.maximum(centre, tl.max(values, axis=1)[:, None])
            total = total * tl.exp(centre - larger) + tl.sum(tl.exp(values - larger), axis=1)[:, None]
            centre = larger
        elif FUNCTION == "layernorm":
            count = tl.minimum(cols - first, BLOCK).to(tl.float32)
            own = tl.sum(values, axis=1)[:, None] / count
            deviation = tl.where(here, values - own, 0.0)
            change, share = own - centre, count / (first + count)
            total += tl.sum(deviation * deviation, axis=1)[:, None] + change * change * first * share
            centre += change * share
        else:
            total += tl.sum(values * values, axis=1)[:, None]
    scale = 1.0 / total if FUNCTION == "softmax" else tl.rsqrt(total / cols + EPSILON)
    for first in tl.range(0, cols, BLOCK, num_stages=STAGES):
        column = first + tl.arange(0, BLOCK)[None, :]
        here = column < cols
        mask = (row < rows) & here
        values = tl.load(x + start + column, mask=mask, other=0.0, eviction_policy=ONCE).to(tl.float32)
        if FUNCTION == "softmax":
            result = tl.exp(values - centre) * scale
        else:
            result = scaled((values - centre) * scale, gamma, beta, column, here, FUNCTION, AGAIN)
        tl.store(y + start + column, result.to(y.dtype.element_ty), mask=mask, cache_modifier=CACHE)


# EVOLVE-BLOCK-END


def launch(x, gamma=None, beta=None, *, config, workload, multiprocessors):
    """The function that `workload` names, of each row of x, shape (rows, cols); gamma and beta have shape (cols,)."""
    y = torch.empty_like(x)
    (rows, cols), variant, streamed = x.shape, config["variant"], config["loads"] == "streamed"
    count = triton.cdiv(rows, config["ROWS"])
    operands = (x, x if gamma is None else gamma, x if beta is None else beta, y, rows, cols)
    options = {
        "BLOCK": config["BLOCK"],
        "ROWS": config["ROWS"],
        "FUNCTION": workload,
        "ONCE": "evict_first" if streamed else "",
        "AGAIN": "evict_last" if streamed else "",
        "CACHE": ".cs" if config["stores"] == "streamed" else "",
        "STAGES": config["num_stages"],
        "num_warps": config["num_warps"],
    }
    if variant == "blocks":
        long_rows[(count,)](*operands, **options)
    else:
        programs = min(count, PROGRAMS * multiprocessors) if variant == "persistent" else count
        whole_rows[(programs,)](*operands, programs * config["ROWS"], **options)
    return y
