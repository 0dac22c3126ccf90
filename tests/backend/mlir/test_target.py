"""Descriptions of CPUs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from mlopt.backend.mlir import target
from mlopt.backend.mlir.simd import host_simd
from mlopt.core.errors import UserError
from mlopt.core.fingerprint import available_cores

NAMES = ("avx2", "avx512", "neon", "zen4")


AVX2 = asdict(target.described("avx2"))


@pytest.mark.parametrize(
    ("name", "lanes", "registers"), [("avx2", 8, 16), ("avx512", 16, 32), ("neon", 4, 32), ("zen4", 16, 32)]
)
def test_each_has_the_registers_of_its_instructions(name: str, lanes: int, registers: int) -> None:
    simd = target.described(name).simd
    assert (simd.lanes, simd.registers) == (lanes, registers)


@pytest.mark.parametrize("name", NAMES)
def test_caches_grow_outwards(name: str) -> None:
    sizes = [cache.bytes for cache in target.described(name).caches]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cores": 0}, "target.cores"),
        ({"gigahertz": "fast"}, "target.gigahertz"),
        ({"gigahertz": float("inf")}, "target.gigahertz"),
        ({"cors": 4}, "target.cors: there is no such key"),
        ({"caches": [{"bytes": 32768}]}, "target.caches.0"),
        ({"caches": []}, "target.caches: should be at least one"),
        ({"caches": AVX2["caches"][::-1]}, "target.caches: should be the smallest first"),
        ({"vector_bits": 16}, "target.vector_bits: should be a power of two from 64 on"),
        ({"vector_bits": 384}, "target.vector_bits: should be a power of two"),
        ({"datapath_bits": 512}, "target.datapath_bits: should be at most vector_bits"),
        ({"memory_bytes_per_second_one_core": 1e13}, "target.memory_bytes_per_second_one_core: should be at most"),
    ],
)
def test_what_describes_no_cpu_is_a_mistake(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as mistake:
        target.cpu(**{**AVX2, **change})
    assert "\n" not in str(mistake.value)


@pytest.mark.parametrize(
    ("flags", "nearest"),
    [({"avx512f", "clzero"}, "zen4"), ({"avx512f"}, "avx512"), ({"avx2"}, "avx2"), ({"asimd"}, "neon")],
)
def test_this_machine_is_taken_for_the_nearest(flags: set[str], nearest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "cpu_flags", lambda: flags)
    assert target._nearest() == nearest


def test_this_machine_is_described_as_it_tells() -> None:
    here = target.describe(target.Host())
    assert here.cores == target.Host().cores == available_cores()
    assert here.simd == target.Host().simd == host_simd()
