"""Functions of single elements on a GPU: each program a block of consecutive ones, whatever the shape."""

import math

import torch
import triton
import triton.language as tl

KNOBS = {
    "BLOCK": [256, 512, 1024, 2048, 4096, 8192],
    "num_warps": [1, 2, 4, 8, 16],
    "loads": ["kept", "streamed"],
    "stores": ["kept", "streamed"],
}


def _bytes(dtype):
    return 4 if dtype in ("f32", "float32") else 2


def _every_thread_has_work(BLOCK, num_warps, gpu):
    return gpu.warp * num_warps <= BLOCK


def _registers_hold_the_block(BLOCK, num_warps, gpu):
    return (gpu.registers_per_thread + 1) * gpu.warp * num_warps >= 4 * BLOCK


def _the_compiler_passes_hints_of_loads_on(loads, gpu):
    return loads == "kept" or gpu.passes_load_hints()


def _caches_take_hints_only_for_more_than_they_hold(loads, stores, shape, dtype, gpu):
    return loads == stores == "kept" or 2 * math.prod(shape) * _bytes(dtype) > gpu.l2_bytes


CONSTRAINTS = [
    _every_thread_has_work,
    _registers_hold_the_block,
    _the_compiler_passes_hints_of_loads_on,
    _caches_take_hints_only_for_more_than_they_hold,
]

START = [
    {"BLOCK": 1024, "num_warps": 4, "loads": "streamed", "stores": "streamed"},
    {"BLOCK": 1024, "num_warps": 4, "loads": "kept", "stores": "kept"},
    {"BLOCK": 4096, "num_warps": 8, "loads": "kept", "stores": "kept"},
]


def small(config):
    """Two blocks, the second one cut short; and a whole one."""
    return [{"shape": [config["BLOCK"] + 5]}, {"shape": [config["BLOCK"]]}]


# EVOLVE-BLOCK-START


@triton.jit
def value(x, y, at, mask, FUNCTION: tl.constexpr, POLICY: tl.constexpr):
    """The function of the elements at these places; where there is no mask, all of them are there."""
    a = tl.load(x + at, mask=mask, eviction_policy=POLICY).to(tl.float32)
    if FUNCTION == "add":
        return a + tl.load(y + at, mask=mask, eviction_policy=POLICY).to(tl.float32)
    elif FUNCTION == "relu":
        return tl.maximum(a, 0.0)
    else:
        tl.static_assert(FUNCTION == "gelu")
        return 0.5 * a * (1.0 + tl.erf(a * 0.7071067811865476))


@triton.jit
def blocks(x, y, z, count, BLOCK: tl.constexpr, FUNCTION: tl.constexpr, POLICY: tl.constexpr, CACHE: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    at = start + tl.arange(0, BLOCK)
    if start + BLOCK <= count:  # without a mask, odd counts are read in whole vectors too
        tl.store(z + at, value(x, y, at, None, FUNCTION, POLICY).to(z.dtype.element_ty), cache_modifier=CACHE)
    else:
        mask = at < count
        tl.store(
            z + at, value(x, y, at, mask, FUNCTION, POLICY).to(z.dtype.element_ty), mask=mask, cache_modifier=CACHE
        )


# EVOLVE-BLOCK-END


def launch(x, y=None, *, config, workload):
    """The function that `workload` names, of tensors of one shape."""
    z = torch.empty_like(x)
    blocks[(triton.cdiv(x.numel(), config["BLOCK"]),)](
        x,
        x if y is None else y,
        z,
        x.numel(),
        BLOCK=config["BLOCK"],
        FUNCTION=workload,
        POLICY="evict_first" if config["loads"] == "streamed" else "",
        CACHE=".cs" if config["stores"] == "streamed" else "",
        num_warps=config["num_warps"],
    )
    return z
