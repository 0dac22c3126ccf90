"""CPUs that schedules are made for: described in YAML (conf/target/), or this machine, as it tells of itself."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...core.errors import UserError
from ...core.fingerprint import available_cores, cache_bytes, cpu_flags, digest, hardware
from ...protocols import Calibration
from ..description import Count, Figure, read
from .simd import Simd, host_simd

DESCRIPTIONS = Path(__file__).absolute().parents[2] / "conf" / "target"


@dataclass(frozen=True, slots=True)
class Cache:
    """One level of data cache."""

    bytes: Count
    """Of one core; of all cores together where it is `shared`."""
    bytes_per_cycle: Figure
    """From here towards the core, for one core."""
    ways: Count
    miss_cycles: Figure = 1.0
    """Until a line that is not here comes from the next level, or from memory; next to nothing where nobody says."""
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Cpu:
    """A CPU as the cost model sees it. Rates are per cycle and core, latencies in cycles."""

    cores: Count
    gigahertz: Figure
    vector_bits: Count
    """Width of the vector registers."""
    registers: Count
    """How many of them."""
    datapath_bits: Count
    """Width of the units: a wider vector takes several turns."""
    fma_units: Count
    float_units: Count
    """Units that add or multiply, those for fused multiply-adds included."""
    vector_units: Count
    """Units for any vector operation."""
    shuffle_units: Count
    load_units: Count
    store_units: Count
    issue: Count
    """Operations started at most."""
    window: Count
    """Operations under way at most: the reorder buffer."""
    fma_latency: Figure
    add_latency: Figure
    load_latency: Figure
    """From the first cache, of a vector."""
    shuffle_latency: Figure
    divide_cycles: Figure
    """Between two divisions or roots of a whole datapath, in float32."""
    mispredict: Figure
    """Cycles lost to a branch that went the other way."""
    caches: tuple[Cache, ...]
    """The innermost first."""
    memory_bytes_per_second: Figure
    """For all cores together."""
    memory_bytes_per_second_one_core: Figure
    tlb_entries: Count
    """Of the first level, for pages of 4 KiB."""
    page_walk: Figure
    """Cycles that an access takes longer whose page is not among them."""
    code_bytes: Count = 32768
    """Of the instruction cache."""
    fork_microseconds: Figure = 5.0
    """To begin and end a parallel loop."""
    maximum_instructions: Count = 4
    """Of a maximum or minimum that hands NaN on: on x86 also a comparison, a choice, and the sign of zero."""
    maximum_latency: Figure = 6.0
    dots: bool = False
    """Whether there are dot products of pairs of bfloat16."""

    @property
    def simd(self) -> Simd:
        return Simd(self.vector_bits // 32, self.registers, self.dots)


@dataclass(frozen=True, slots=True)
class Host:
    """This machine, wherever the question is asked."""

    @property
    def cores(self) -> int:
        return available_cores()

    @property
    def simd(self) -> Simd:
        return host_simd()


Target = Cpu | Host
HOST = Host()


def cpu(**description: Any) -> Cpu:
    """A CPU from plain data. Raises UserError, in a line, for what does not describe one."""
    found = read(Cpu, description)
    for key, holds, rule in (
        ("vector_bits", found.vector_bits >= 64 and found.vector_bits.bit_count() == 1, "a power of two from 64 on"),
        ("datapath_bits", found.datapath_bits <= found.vector_bits, "at most vector_bits"),
        ("caches", bool(found.caches), "at least one"),
        ("caches", found.caches == tuple(sorted(found.caches, key=lambda cache: cache.bytes)), "the smallest first"),
        (
            "memory_bytes_per_second_one_core",
            found.memory_bytes_per_second_one_core <= found.memory_bytes_per_second,
            "at most memory_bytes_per_second, that of all cores",
        ),
    ):
        if not holds:
            raise UserError(f"target.{key}: should be {rule}")
    return found


def described(name: str) -> Cpu:
    """The CPU of a description that comes with mlopt."""
    import yaml

    description = yaml.safe_load((DESCRIPTIONS / f"{name}.yaml").read_text())
    return cpu(**{key: value for key, value in description.items() if not key.startswith("_")})


def describe(target: Target) -> Cpu:
    """The figures of a target; those of this machine as far as it tells, else of the nearest that is described."""
    return _host() if isinstance(target, Host) else target


def calibrated(target: Target, calibration: Calibration) -> Target:
    """This machine, its clock and its memory as they were measured; another target as it is described.

    One core's clock follows from the peak of its units for fused multiply-adds, which is counted in float32.
    """
    if not isinstance(target, Host):
        return target
    cpu, roofline, threads = describe(target), calibration.roofline, calibration.threads
    flops_per_cycle = 2 * cpu.fma_units * cpu.datapath_bits // 32
    share = roofline.bytes_per_second / threads
    one_core = share if threads == 1 else max(share, cpu.memory_bytes_per_second_one_core)
    return replace(
        cpu,
        gigahertz=roofline.flops_per_second / (threads * flops_per_cycle * 1e9),
        memory_bytes_per_second=max(roofline.bytes_per_second, one_core),
        memory_bytes_per_second_one_core=one_core,
    )


def name(target: Target) -> str:
    """What tells one target from another: this machine's CPU and a hash of its features, or that of a description."""
    if isinstance(target, Host):
        return "{cpu} {flags}".format_map(hardware())
    return f"described {digest(asdict(target))}"


@functools.cache
def _host() -> Cpu:
    nearest = described(_nearest())
    sizes = list(cache_bytes().values())
    caches = tuple(replace(c, bytes=size) for c, size in zip(nearest.caches, sizes, strict=False)) or nearest.caches
    simd = host_simd()
    bits = 32 * simd.lanes
    return replace(
        nearest,
        cores=available_cores(),
        vector_bits=bits,
        datapath_bits=min(bits, nearest.datapath_bits),
        registers=simd.registers,
        dots=simd.dots,
        caches=caches,
    )


def _nearest() -> str:
    """The description that is nearest to this machine's cores."""
    flags = cpu_flags()
    if "avx512f" in flags:
        return "zen4" if "clzero" in flags else "avx512"  # an instruction of AMD's alone
    return "neon" if "asimd" in flags else "avx2"
