"""Which SIMD registers a CPU has."""

from __future__ import annotations

import pytest

from mlopt.backend.mlir.simd import Simd, host_simd


@pytest.mark.parametrize(
    ("flags", "simd"),
    [
        ({"sse2", "avx", "avx2", "fma", "avx512f"}, Simd(lanes=16, registers=32)),
        ({"avx", "avx2", "avx512f", "avx512_bf16"}, Simd(lanes=16, registers=32, dots=True)),
        ({"sse2", "avx", "avx2", "fma"}, Simd(lanes=8, registers=16)),
        ({"fp", "asimd"}, Simd(lanes=4, registers=32)),
        ({"sse2"}, Simd(lanes=4, registers=16)),
        (set(), Simd(lanes=4, registers=16)),
    ],
)
def test_the_widest_registers_of_a_cpu_are_known_from_its_flags(
    flags: set[str], simd: Simd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlopt.backend.mlir.simd.cpu_flags", lambda: flags)
    assert host_simd() == simd
