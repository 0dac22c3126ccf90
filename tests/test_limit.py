"""No kernel is faster than the limit, whatever its algorithm and wherever its data lie; what is, is no kernel."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt import limit as module
from mlopt.limit import MARGIN, Limit, least_seconds
from mlopt.protocols import Roofline, Workload
from mlopt.workloads.add.workload import Add
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.contraction.workload import Contraction
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.mlp.workload import Mlp
from mlopt.workloads.softmax.workload import Softmax

MACHINE = Roofline(1e11, 2e10, 2e11)
MATMUL = Matmul(256, 256, 256)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """32 MiB of caches, and no matrix unit."""
    monkeypatch.setattr(module, "all_cache_bytes", lambda: 32 << 20)
    monkeypatch.setattr(module, "cpu_flags", lambda: frozenset({"avx2"}))


def test_a_product_takes_the_operations_of_a_fast_algorithm_at_the_peak() -> None:
    assert least_seconds(MACHINE, MATMUL) == pytest.approx(MATMUL.flops / 2 / 1e11 / MARGIN)


def test_what_fits_the_caches_comes_from_the_fastest_and_what_does_not_from_memory() -> None:
    warm, large = Add((1 << 20,)), Add((1 << 24,))
    assert warm.bytes < 32 << 20 < large.bytes
    assert least_seconds(MACHINE, warm) == pytest.approx(warm.bytes / 2e11 / MARGIN)
    assert least_seconds(MACHINE, large) == pytest.approx((large.bytes - (32 << 20)) / 2e10 / MARGIN)


def test_a_machine_that_does_not_tell_its_caches_may_hold_everything_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "all_cache_bytes", lambda: 0)
    large = Add((1 << 24,))
    assert least_seconds(MACHINE, large) == pytest.approx(large.bytes / 2e11 / MARGIN)


def test_narrow_numbers_are_multiplied_faster_and_in_matrix_units_much_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = Matmul(256, 256, 256, dtype="bf16")
    assert least_seconds(MACHINE, narrow) == pytest.approx(least_seconds(MACHINE, MATMUL) / 2)
    monkeypatch.setattr(module, "cpu_flags", lambda: frozenset({"amx_bf16"}))
    assert least_seconds(MACHINE, narrow) < least_seconds(MACHINE, MATMUL) / 8


def winograd(conv: Conv2d, m: int) -> float:
    """Operations of F(m by m, 3 by 3) in its products alone (Lavin and Gray 2016)."""
    return conv.flops * (m + 2) ** 2 / (9 * m * m)


@given(st.integers(1, 64), st.integers(1, 64), st.integers(12, 40), st.integers(2, 10))
@settings(deadline=None, max_examples=50)
def test_minimal_filtering_is_no_cheat(c: int, f: int, side: int, m: int) -> None:
    conv = Conv2d(1, c, side, side, f)
    assert 0 < conv.least_flops <= winograd(conv, m) / 2


def test_what_an_operand_has_alone_may_be_summed_before() -> None:
    sizes = {"i": 100, "j": 50, "k": 20}
    assert Contraction("ij,jk->ik", sizes, "f32").least_flops == 100 * 50 * 20
    assert Contraction("ij,jk->i", sizes, "f32").least_flops == 100 * 50
    assert Contraction("ij,jk->ik", sizes).least_flops == 4 * 100 * 50 * 20


@pytest.mark.parametrize(
    "workload",
    [MATMUL, BatchMatmul(8, 8, 8, b=2), Mlp(), Attention(), Conv2d(), Maxpool(), Softmax(), Add((64,))],
    ids=lambda workload: workload.name,
)
def test_nothing_needs_more_than_the_roofline_has_it(workload: Workload) -> None:
    assert 0 < least_seconds(MACHINE, workload) <= MACHINE.seconds(workload.flops, workload.bytes)


class Peaks:
    """Measures these peaks, one after the other, and notes for which seconds."""

    def __init__(self, *peaks: Roofline) -> None:
        self.peaks = list(peaks)
        self.asked: list[float] = []

    def __call__(self, seconds: float) -> Roofline:
        self.asked.append(seconds)
        return self.peaks.pop(0)


LEAST = least_seconds(MACHINE, MATMUL)


def test_before_a_kernel_is_called_too_fast_the_peaks_are_measured_anew_but_once() -> None:
    peaks = Peaks(MACHINE)
    limit = Limit(MATMUL, peaks, MACHINE)
    assert not limit.broken(1.01 * LEAST)
    assert peaks.asked == []
    assert limit.broken(0.99 * LEAST)
    assert limit.broken(0.5 * LEAST)
    assert peaks.asked == [0.99 * LEAST]


def test_peaks_that_were_measured_in_a_bad_moment_accuse_nobody() -> None:
    limit = Limit(MATMUL, Peaks(Roofline(2e11, 2e10, 2e11)), MACHINE)
    assert not limit.broken(0.99 * LEAST)
    assert not limit.broken(0.51 * LEAST)
    assert limit.broken(0.49 * LEAST)


def test_peaks_that_cannot_be_measured_anew_stand() -> None:
    assert Limit(MATMUL, Peaks(), MACHINE).broken(0.99 * LEAST)


def test_without_peaks_nothing_is_too_fast() -> None:
    assert not Limit(MATMUL, Peaks()).broken(0.0)


@pytest.mark.parametrize("seconds", [1e-12, 1e-9])
def test_the_reason_says_how_fast_it_was_and_what_is_needed(seconds: float) -> None:
    said: Callable[[float], Exception] = Limit(MATMUL, Peaks(), MACHINE).error
    assert str(said(seconds)) == f"{seconds:.3g} s a call: whoever computes this here needs {LEAST:.3g} s at least"
