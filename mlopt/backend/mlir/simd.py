"""The SIMD registers of the CPU that kernels are compiled for."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.fingerprint import cpu_flags


@dataclass(frozen=True, slots=True)
class Simd:
    """`registers` vector registers of `lanes` float32 lanes each."""

    lanes: int
    registers: int


def host_simd() -> Simd:
    """The widest registers that this CPU has."""
    flags = cpu_flags()
    if "avx512f" in flags:
        return Simd(lanes=16, registers=32)
    if "avx" in flags:
        return Simd(lanes=8, registers=16)
    if "asimd" in flags:
        return Simd(lanes=4, registers=32)
    return Simd(lanes=4, registers=16)
