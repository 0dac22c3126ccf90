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
