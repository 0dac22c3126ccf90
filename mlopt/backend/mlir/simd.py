"""The SIMD registers of the CPU that kernels are compiled for."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.fingerprint import cpu_flags


@dataclass(frozen=True, slots=True)
class Simd:
    """`registers` vector registers of `lanes` float32 lanes each."""

    lanes: int
    registers: int
    dots: bool = False
    """Whether there are dot products of pairs of bfloat16, added in float32 (vdpbf16ps)."""


def host_simd() -> Simd:
    """The widest registers that this CPU has."""
    flags = cpu_flags()
    if "avx512f" in flags:
        return Simd(lanes=16, registers=32, dots="avx512_bf16" in flags)
    if "avx" in flags:
        return Simd(lanes=8, registers=16)
    if "asimd" in flags:
        return Simd(lanes=4, registers=32)
    return Simd(lanes=4, registers=16)
