"""The roofline's own kernels do the work that they are credited with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mlopt.backend.mlir import roofline
from mlopt.backend.mlir.roofline import CHAINS, STEPS, measure
from mlopt.backend.mlir.simd import Simd, host_simd
from mlopt.protocols import Array

AVX512 = Simd(lanes=16, registers=32)


def test_each_step_is_as_many_independent_multiply_adds_as_are_counted() -> None:
    source = roofline._arithmetic(AVX512, threads=3)
    fmas = [line for line in source.splitlines() if "vector.fma" in line]
    assert len(fmas) == CHAINS
    assert all(f"vector<{AVX512.lanes}xf32>" in line for line in fmas)
    for chain, line in enumerate(fmas):  # none waits for another
        assert f"%x{chain} " in line
        assert line.strip().startswith(f"%next{chain} =")
    assert f"arith.constant {STEPS} : index" in source
    assert "%j = %c0 to %steps step %c1" in source
    assert "scf.forall (%t) in (3)" in source


def test_each_element_of_the_stream_is_read_once() -> None:
    threads, elements = 3, 3 * 2 * CHAINS * AVX512.lanes
    source = roofline._stream(AVX512, threads, elements)
    assert source.count("vector.load") == CHAINS
    assert f"%share = arith.constant {elements // threads} : index" in source
    assert f"%stride = arith.constant {AVX512.lanes * CHAINS} : index" in source


def test_what_is_counted_is_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays: list[list[Array]] = []

    def remember(source: str, threads: int, given: Sequence[Array]) -> float:
        run_once(source, threads, given)
        arrays.append([array.copy() for array in given])
        return 0.5

    run_once = roofline._best
    monkeypatch.setattr(roofline, "_best", remember)
    monkeypatch.setattr(roofline, "SECONDS", 0.0)
    monkeypatch.setattr(roofline, "cache_bytes", lambda: {"L1": 1 << 15, "L2": 1 << 19, "L3": 1 << 20})
    monkeypatch.setattr(roofline, "ROUNDS", 8)
    found = measure(2)
    (sink,), (data, sums), (held, rounds) = arrays
    assert (sink == 1 + STEPS / 4).all()  # every lane begins at 1 and gets 0.5 * 0.5 in each step
    assert found.flops_per_second == 2 * STEPS * sink.size / 0.5
    assert sums.sum() == data.size + sums.size  # every sum begins at 1, every element is 1
    assert data.nbytes >= 3.9 * (1 << 20)
    assert found.bytes_per_second == data.nbytes / 0.5
    assert rounds.sum() == 8 * held.size + rounds.size
    assert 0.9 * (1 << 15) < held.nbytes <= 1 << 15  # half of a first cache for each of two threads
    assert found.cache_bytes_per_second == 8 * held.nbytes / 0.5


def test_what_is_measured_is_plausible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "SECONDS", 0.1)
    monkeypatch.setattr(roofline, "cache_bytes", lambda: {"L3": 4 << 20})
    one = measure(1)
    assert 1e9 < one.flops_per_second < 1e13
    assert 1e8 < one.bytes_per_second < 1e13
    assert 0.5 < one.flops_per_second / one.bytes_per_second < 1000


def test_a_peak_is_known_however_late_the_cores_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "SECONDS", 0.0)
    simd = host_simd()
    sink = np.zeros((1, CHAINS * simd.lanes), np.float32)
    assert 0.0 < roofline._best(roofline._arithmetic(simd, 1), 1, [sink]) < float("inf")
