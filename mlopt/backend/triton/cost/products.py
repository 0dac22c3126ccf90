"""What products of tiles ask of tensor cores and of shared memory."""

from __future__ import annotations

import math

from ..target import Gpu
from .machine import Machine
from .ttir import BYTES
from .work import Dot

UNIT_N = 8
"""Columns that products on tensor cores come in at least; rows come in 16 (64 of four warps together)."""
MMA_SHARE = {True: 0.62, False: 1.0}
"""What products from registers reach of the tensor cores where there are ones from shared memory (Luo and others)."""


def on_tensor_cores(dot: Dot, code: Machine) -> bool:
    return bool(code.products) and dot.kind != "ieee"


def tensor_cycles(dot: Dot, code: Machine, gpu: Gpu) -> float:
    """Of a product of tiles; those that fill no instruction cost as much as those that do."""
    rows = 64 if code.products == "wgmma" else 16
    m, n = -(-dot.m // rows) * rows, -(-dot.n // UNIT_N) * UNIT_N
    kind = {1: "fp8", 2: "fp16"}.get(BYTES.get(dot.kind, 1), "tf32")
    if kind not in gpu.tensor_flops:
        kind = "fp16"
    reached = gpu.tensor_share * MMA_SHARE[code.products == "mma" and _has_wgmma(gpu)]
    return 2.0 * m * n * dot.k / (gpu.tensor_flops[kind] * reached)


def shared_bytes(dot: Dot, code: Machine) -> float:
    """Read from shared memory by a product of tiles, and written there before."""
    width = BYTES.get(dot.kind, 4 if dot.kind == "ieee" else 1)
    a, b = dot.m * dot.k * width, dot.n * dot.k * width
    if code.products == "wgmma":
        return 2.0 * a + b * (1.0 + max(1.0, dot.m / 64))
    down = min(code.warps, max(1, dot.m // 16))  # each warp reads its rows of A and columns of B into registers
    down = 1 << round(math.log2(max(1.0, min(float(down), math.sqrt(code.warps * dot.m / dot.n)))))
    return a * (1.0 + max(1, code.warps // down)) + b * (1.0 + down)


def _has_wgmma(gpu: Gpu) -> bool:
    return gpu.arch == 90
