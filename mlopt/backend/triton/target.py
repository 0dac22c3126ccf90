"""GPUs that kernels are compiled for: described in YAML (conf/target/)."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..description import Count, Figure, read

DESCRIPTIONS = Path(__file__).parents[2] / "conf" / "target"


@dataclass(frozen=True)
class Gpu:
    """A GPU as the compiler and the cost model see it. Sizes are in bytes, rates per cycle and multiprocessor."""

    runtime: Literal["cuda", "hip"]
    arch: int | str
    """Compute capability times ten (90), or AMD's name (gfx942)."""
    multiprocessors: Count
    gigahertz: Figure
    """What it sustains in matrix products."""
    warp: Count
    """Threads."""
    threads: Count
    """Of one multiprocessor at most; `blocks` likewise."""
    blocks: Count
    registers: Count
    """Of 32 bits, of one multiprocessor."""
    registers_per_thread: Count
    register_unit: Count
    """A warp is given a multiple of so many."""
    shared_bytes: Count
    """Of one multiprocessor; of one block at most `shared_bytes_per_block`."""
    shared_bytes_per_block: Count
    shared_bytes_per_cycle: Figure
    tensor_flops: Mapping[str, float]
    """Of dense products on tensor cores, by the operands: fp8, fp16 (and bf16), tf32."""
    tensor_share: Figure
    """What a perfect kernel reaches of that: the rest is lost to power and issue."""
    float_operations: Count
    """Fused multiply-adds and the like in float32."""
    special_operations: Count
    """Exponentials, logarithms, roots, quotients."""
    issue: Count
    """Instructions of warps."""
    l2_bytes: Count
    l2_bytes_per_second: Figure
    memory_bytes_per_second: Figure
    """That a copy reaches."""
    l2_latency: Figure
    """Cycles; `memory_latency` likewise."""
    memory_latency: Figure
    launch_seconds: Figure
    """From one kernel to the next on one stream."""

    def passes_load_hints(self, num_stages: int = 1) -> bool:
        """Whether the compiler passes on how long caches should hold what is loaded, by a loop of so many stages.

        It does to NVIDIA's; of loads that are made ahead of time, from compute capability 9 and Triton 3.9 on.
        """
        ahead = isinstance(self.arch, int) and self.arch >= 90 and _triton_version() >= (3, 9)
        return self.runtime == "cuda" and (num_stages == 1 or ahead)

    def multiplies_from_shared_memory(self, rows: int, num_warps: int) -> bool:
        """Whether matrix units read tiles of so many rows there; others read registers, as threads do.

        Those of compute capability 9 and 10 do.
        """
        return isinstance(self.arch, int) and 90 <= self.arch < 120 and rows >= 64 and num_warps >= 4

    def exchanged_bytes(self, rows: int, columns: int, num_warps: int, element_bytes: int, on_units: bool) -> int:
        """Shared memory, at least, through which threads hand each other a product's tile before they store it.

        The tile is (rows, columns), of elements of so many bytes, its sums those of matrix units or of threads. It
        goes in rounds, one for each row that a thread has both before and after; where the machine code of Triton 3.9
        is not known to need so much, this is too little.
        """
        if self.runtime != "cuda":
            return 0
        threads, everything = self.warp * num_warps, rows * columns * element_bytes
        stored = 16 // element_bytes * threads // columns  # rows at once: threads store 16 bytes each
        if not on_units:  # threads have added up 4 by 4 elements each
            return min(everything, 64 * threads // (2 if stored == 2 else 1)) if stored > 1 else 0
        if not self.multiplies_from_shared_memory(rows, num_warps) or int(self.arch) >= 100:
            return min(everything, 16 * threads)
        rounds = (2 if stored <= 8 else 1) * max(1, rows // max(16 * num_warps, stored))
        # Of float32 two such rows are needed to fill an access of 16 bytes.
        return everything // (max(1, rounds // 2) if element_bytes == 4 else rounds)

    def __hash__(self) -> int:
        return hash((self.runtime, self.arch, self.multiprocessors, self.gigahertz, self.memory_bytes_per_second))


@functools.cache
def _triton_version() -> tuple[int, int]:
    import triton

    major, minor = triton.__version__.split(".")[:2]
    return int(major), int(minor)


def gpu(**description: Any) -> Gpu:
    """A GPU from plain data. Raises UserError, in a line, for what does not describe one."""
    return read(Gpu, description)


@functools.cache
def described(name: str) -> Gpu:
    """The GPU of a description that comes with mlopt."""
    return gpu(**{key: value for key, value in _description(name).items() if not key.startswith("_")})


@functools.cache
def of_gpus() -> Sequence[str]:
    """The names of these descriptions."""
    names = sorted(file.stem for file in DESCRIPTIONS.glob("*.yaml"))
    return tuple(name for name in names if _description(name)["_target_"] == f"{__name__}.{gpu.__name__}")


def _description(name: str) -> Mapping[str, Any]:
    import yaml

    found: Mapping[str, Any] = yaml.safe_load((DESCRIPTIONS / f"{name}.yaml").read_text())
    return found
