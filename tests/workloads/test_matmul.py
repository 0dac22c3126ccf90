"""The matrix product, and what its tolerance lets pass: every order of summation in float32, and no fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.protocols import Array, TensorSpec, Workload
from mlopt.testing import WorkloadContract
from mlopt.testing.workload import DISTRIBUTIONS, draw, within_tolerance
from mlopt.workloads.batch_matmul.workload import BatchMatmul
from mlopt.workloads.matmul.workload import Matmul

FP8 = Matmul(m=16, n=48, k=64, dtype="fp8")


class TestMatmul(WorkloadContract):
    def make(self) -> Workload:
        return Matmul(m=7, n=20, k=33)

    def mistakes(self) -> Sequence[Callable[[], object]]:
        wrong: list[dict[str, object]] = [{size: value} for size in "mnk" for value in (0, -1, 1.5, "8", None, True)]
        wrong += [{"dtype": "float64"}, {"dtype": "half"}]
        return [lambda keys=keys: Matmul(**keys) for keys in wrong]  # type: ignore[misc]


class TestBfloat16(WorkloadContract):
    libraries = ("numpy", "ml_dtypes")  # which the inputs come in

    def make(self) -> Workload:
        return Matmul(m=7, n=20, k=33, dtype="bf16")


class TestFp8(WorkloadContract):
    libraries = ("numpy", "ml_dtypes")  # which the inputs come in

    def make(self) -> Workload:
        return FP8

    def mistakes(self) -> Sequence[Callable[[], object]]:
        return [lambda: FP8.source("mlir")]


class TestTf32(WorkloadContract):
    @pytest.fixture(autouse=True)
    def precision(self) -> Iterator[None]:
        """As it was before PyTorch's function set it."""
        torch = pytest.importorskip("torch")
        before = torch.get_float32_matmul_precision()
        yield
        torch.set_float32_matmul_precision(before)

    def make(self) -> Workload:
        return Matmul(m=7, n=20, k=33, dtype="tf32")


class TestBatchOfFp8(WorkloadContract):
    libraries = ("numpy", "ml_dtypes")

    def make(self) -> Workload:
        return BatchMatmul(b=2, m=16, n=32, k=64, dtype="fp8")


def test_shapes_are_those_of_the_names() -> None:
    matmul = Matmul(m=7, n=20, k=33)
    assert matmul.operands == (TensorSpec((7, 33), "float32"), TensorSpec((33, 20), "float32"))
    assert matmul.outputs == (TensorSpec((7, 20), "float32"),)
    assert matmul.flops == 2 * 7 * 20 * 33
    assert "tensor<7x33xf32>, %b: tensor<33x20xf32>) -> tensor<7x20xf32>" in matmul.source("mlir")


def test_the_reference_is_the_sum_of_products() -> None:
    a, b = draw(Matmul(m=3, n=4, k=5), "normal")
    exact = [[sum(float(a[i, p]) * float(b[p, j]) for p in range(5)) for j in range(4)] for i in range(3)]
    np.testing.assert_allclose(Matmul(m=3, n=4, k=5).reference(a, b)[0], exact, rtol=1e-14)


matmuls = st.builds(
    Matmul,
    m=st.integers(4, 12),
    n=st.integers(4, 12),
    k=st.one_of(st.integers(16, 300), st.sampled_from([512, 1000, 1024, 2047, 4096])),
)
distributions = st.sampled_from(DISTRIBUTIONS)
seeds = st.integers(0, 10_000)


def terms(inputs: Sequence[Array]) -> Array:
    """a[i, p] * b[p, j] in float32, shape (k, m, n)."""
    a, b = inputs
    return np.ascontiguousarray(a.T[:, :, None] * b[:, None, :])


def in_sequence(products: Array) -> Array:
    """Their sum in their own dtype, one after another."""
    total: Array = np.zeros(products.shape[1:], products.dtype)
    for product in products:
        total += product
    return total


def in_lanes(products: Array, lanes: int = 8) -> Array:
    """Their sum, as `lanes` sums that are added up at the end."""
    return in_sequence(np.stack([in_sequence(products[lane::lanes]) for lane in range(lanes)]))


SUMS: dict[str, Callable[[Array], Array]] = {
    "forwards": in_sequence,
    "backwards": lambda products: in_sequence(products[::-1]),
    "pairwise": lambda products: np.ascontiguousarray(products.transpose(1, 2, 0)).sum(axis=-1),
    "in lanes": in_lanes,
    "shuffled": lambda products: in_sequence(np.random.default_rng(0).permutation(products)),
    "largest first": lambda products: in_sequence(-np.sort(-products, axis=0)),
}
"""Ways to add up float32 terms."""


@pytest.mark.parametrize("way", SUMS)
@given(matmul=matmuls, distribution=distributions, seed=seeds)
@settings(max_examples=12, deadline=None)
def test_every_order_of_summation_in_float32_is_right(way: str, matmul: Matmul, distribution: str, seed: int) -> None:
    inputs = draw(matmul, distribution, seed)
    assert within_tolerance(matmul, inputs, [SUMS[way](terms(inputs))])


@given(matmuls, distributions, seeds)
@settings(max_examples=30, deadline=None)
def test_numpys_own_product_is_right(matmul: Matmul, distribution: str, seed: int) -> None:
    a, b = draw(matmul, distribution, seed)
    assert within_tolerance(matmul, [a, b], [a @ b])


def missing_last_k(inputs: Sequence[Array]) -> Array:
    a, b = inputs
    product: Array = a[:, :-1] @ b[:-1]
    return product


def skipped_row(inputs: Sequence[Array]) -> Array:
    product: Array = inputs[0] @ inputs[1]
    product[-1] = 0
    return product


def repeated_row(inputs: Sequence[Array]) -> Array:
    product: Array = inputs[0] @ inputs[1]
    product[-1] = product[-2]
    return product


def accumulated_twice(inputs: Sequence[Array]) -> Array:
    product: Array = inputs[0] @ inputs[1]
    return product + product


def accumulated_in_float16(inputs: Sequence[Array]) -> Array:
    with np.errstate(over="ignore"):
        return in_sequence(terms(inputs).astype(np.float16))


def never_written(inputs: Sequence[Array]) -> Array:
    return np.full((len(inputs[0]), inputs[1].shape[1]), np.nan)


FAULTS = [missing_last_k, skipped_row, repeated_row, accumulated_twice, accumulated_in_float16, never_written]


@pytest.mark.parametrize("fault", FAULTS)
@given(matmul=matmuls, distribution=distributions, seed=seeds)
@settings(max_examples=20, deadline=None)
def test_a_fault_is_wrong(
    fault: Callable[[Sequence[Array]], Array], matmul: Matmul, distribution: str, seed: int
) -> None:
    inputs = draw(matmul, distribution, seed)
    assert not within_tolerance(matmul, inputs, [fault(inputs)])


@given(matmuls, distributions, seeds)
@settings(max_examples=30, deadline=None)
def test_the_tolerance_grows_with_the_root_of_k_and_stays_below_what_any_order_of_summation_may_err(
    matmul: Matmul, distribution: str, seed: int
) -> None:
    a, b = draw(matmul, distribution, seed)
    relative = matmul.tolerance(a, b)[0] / (np.abs(a).astype(np.float64) @ np.abs(b))
    unit = 2.0**-24
    assert (relative <= (matmul.k + 1) * unit * (1 + 1e-9)).all()
    assert (relative <= 10 * np.sqrt(matmul.k) * unit).all()
    assert (relative >= 2 * np.sqrt(matmul.k) * unit).all()


def test_the_tolerance_scales_with_the_inputs() -> None:
    matmul = Matmul(m=7, n=20, k=33)
    a, b = draw(matmul, "normal")
    assert np.array_equal(matmul.tolerance(8 * a, b)[0], 8 * matmul.tolerance(a, b)[0])
    assert np.array_equal(matmul.tolerance(a, -b)[0], matmul.tolerance(a, b)[0])


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_single_term_may_be_rounded_but_not_more(distribution: str) -> None:
    matmul = Matmul(m=16, n=16, k=1)
    a, b = draw(matmul, distribution)
    exact = a.astype(np.float64) @ b.astype(np.float64)
    assert within_tolerance(matmul, [a, b], [a * b])
    assert not within_tolerance(matmul, [a, b], [exact * (1 + 4 * 2.0**-24)])


NARROW = Matmul(m=40, n=30, k=129, dtype="bf16")


def rounded_at_the_end(inputs: Sequence[Array]) -> Array:
    a, b = (array.astype(np.float32) for array in inputs)
    product: Array = (a @ b).astype("bfloat16")
    return product


def accumulated_in_bfloat16(inputs: Sequence[Array]) -> Array:
    return in_sequence(terms(inputs))


def cut_off(inputs: Sequence[Array]) -> Array:
    a, b = (array.astype(np.float32) for array in inputs)
    return ((a @ b).view(np.uint32) & 0xFFFF0000).view(np.float32)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_bfloat16_is_added_in_float32_and_rounded_once(distribution: str) -> None:
    inputs = draw(NARROW, distribution)
    assert within_tolerance(NARROW, inputs, [rounded_at_the_end(inputs)])
    assert not within_tolerance(NARROW, inputs, [accumulated_in_bfloat16(inputs)])
    assert not within_tolerance(NARROW, inputs, [cut_off(inputs)])


def test_whole_numbers_of_bfloat16_admit_no_error_but_the_rounding_of_the_sum() -> None:
    inputs = draw(NARROW, "integers")
    assert within_tolerance(NARROW, inputs, [rounded_at_the_end(inputs)])
    assert not within_tolerance(NARROW, inputs, [rounded_at_the_end([inputs[0][:, :-1], inputs[1][:-1]])])
    even = np.full((1, 1), 3.0, "bfloat16"), np.full((1, 1), 171.0, "bfloat16")  # 513, between 512 and 516
    assert within_tolerance(Matmul(1, 1, 1, "bf16"), even, [np.full((1, 1), 512.0)])
    assert not within_tolerance(Matmul(1, 1, 1, "bf16"), even, [np.full((1, 1), 516.0)])


def test_the_reference_reads_bfloat16_from_its_bits_where_numpy_does_not_know_it() -> None:
    inputs = draw(NARROW, "normal")
    bits = [array.view(np.uint16) for array in inputs]
    assert np.array_equal(NARROW.reference(*bits)[0], NARROW.reference(*inputs)[0])
    assert np.array_equal(NARROW.tolerance(*bits)[0], NARROW.tolerance(*inputs)[0])


def test_bfloat16_halves_the_traffic() -> None:
    assert 2 * NARROW.bytes == Matmul(m=40, n=30, k=129).bytes


def test_whole_numbers_admit_no_error_so_that_one_missing_term_shows_among_many() -> None:
    workload = Matmul(m=4, n=4, k=65537)
    a, b = workload.inputs(np.random.default_rng(0), "integers")
    assert set(np.unique(a)) == {-2, -1, 0, 1, 2}
    (allowed,) = workload.tolerance(a, b)
    assert not allowed.any()
    assert np.array_equal(a @ b, workload.reference(a, b)[0])


def on_matrix_units(inputs: Sequence[Array], together: int) -> Array:
    """A product of fp8 as compute capability 9 computes it, `together` terms at a time: see FP8_TERMS."""
    a, b = (array.astype(np.float64) for array in inputs)
    total = np.zeros((len(a), len(b)), np.float32)
    for start in range(0, a.shape[1], together):
        few = np.zeros_like(total, np.float64)
        for first in range(start, min(start + together, a.shape[1]), 32):
            part = slice(first, first + 32)
            terms = np.concatenate([a[:, None, part] * b[None, :, part], few[:, :, None]], axis=2)
            most = np.abs(terms).max(axis=2, keepdims=True)
            step = 2.0 ** (np.floor(np.log2(np.maximum(most, 1e-30))) - 13)
            few = (np.trunc(terms / step) * step).sum(axis=2)
        total += few.astype(np.float32)
    return total.astype("bfloat16")


@pytest.mark.parametrize("distribution", [*DISTRIBUTIONS, "integers"])
@pytest.mark.parametrize("k", [64, 1024, 16384])
def test_fp8_may_be_added_by_matrix_units_but_a_few_terms_at_a_time_and_none_left_out(
    distribution: str, k: int
) -> None:
    workload = Matmul(m=4, n=8, k=k, dtype="fp8")
    a, b = draw(workload, distribution)
    assert (a.dtype.name, b.shape, workload.outputs[0].dtype) == ("float8_e4m3fn", (8, k), "bfloat16")
    assert within_tolerance(workload, (a, b), [on_matrix_units((a, b), 128)])
    assert within_tolerance(workload, (a, b), [on_matrix_units((a, b), 32)])
    if distribution == "uniform" and k > 1000:
        assert not within_tolerance(workload, (a, b), [on_matrix_units((a, b), k)])
    if distribution == "integers":
        missing = on_matrix_units((a[:, : k - 16], b[:, : k - 16]), 32)
        assert not within_tolerance(workload, (a, b), [missing])


def test_the_reference_reads_fp8_from_its_bits() -> None:
    inputs = np.arange(256, dtype=np.uint8).view("float8_e4m3fn").reshape(16, 16)
    finite = np.where(np.isnan(inputs.astype(np.float32)), np.zeros_like(inputs), inputs)
    workload = Matmul(16, 16, 16, "fp8")
    exact = finite.astype(np.float64) @ finite.astype(np.float64).T
    assert np.array_equal(workload.reference(finite, finite)[0], exact)
    bits = finite.view(np.uint8)
    assert np.array_equal(workload.reference(bits, bits)[0], exact)
    assert np.array_equal(workload.tolerance(bits, bits)[0], workload.tolerance(finite, finite)[0])


def test_single_products_below_float16s_normal_numbers_are_rounded_there() -> None:
    workload = Matmul(100, 100, 1, "f16")
    a, b = (array * np.float16(0.01) for array in draw(workload, "normal"))
    assert within_tolerance(workload, (a, b), [(a.astype(np.float32) @ b.astype(np.float32)).astype(np.float16)])


def in_blocks(a: Array, b: Array, dtype: str, block: int = 64) -> Array:
    """As a kernel computes it: products of the dtype, sums of blocks of k in float32, rounded at the end."""
    if dtype == "tf32":
        a, b = ((array.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32) for array in (a, b))
    wide = a.astype(np.float32), b.astype(np.float32)
    total = np.zeros((len(a), b.shape[1]), np.float32)
    for start in range(0, a.shape[1], block):
        total += wide[0][:, start : start + block] @ wide[1][start : start + block]
    return total.astype(a.dtype)


@pytest.mark.parametrize("dtype", ["f32", "tf32", "f16", "bf16"])
@pytest.mark.parametrize("k", [64, 1024, 16384])
def test_of_every_dtype_and_length_right_sums_pass_and_one_term_too_few_does_not(dtype: str, k: int) -> None:
    workload = Matmul(m=16, n=24, k=k, dtype=dtype)
    for distribution in (*DISTRIBUTIONS, "integers"):
        a, b = draw(workload, distribution)
        assert within_tolerance(workload, (a, b), [in_blocks(a, b, dtype)])
    assert not within_tolerance(workload, (a, b), [in_blocks(a[:, :-1], b[:-1], dtype)])


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("k", [1024, 16384])
def test_sums_in_a_narrow_dtype_do_not_pass_however_long_they_are(dtype: str, k: int) -> None:
    workload = Matmul(m=4, n=6, k=k, dtype=dtype)
    a, b = draw(workload, "uniform")
    narrow = in_sequence((a.T[:, :, None] * b[:, None, :]).astype("bfloat16" if dtype == "bf16" else np.float16))
    assert not within_tolerance(workload, (a, b), [narrow.astype(a.dtype)])
