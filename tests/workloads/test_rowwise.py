"""Softmax and normalisations: what their tolerances let pass, and what not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mlopt.protocols import Array, Workload
from mlopt.testing import WorkloadContract
from mlopt.testing.workload import DISTRIBUTIONS, draw, within_tolerance
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.rmsnorm.workload import Rmsnorm
from mlopt.workloads.softmax.workload import Softmax

COLUMNS = [1, 2, 33, 1024]


class TestSoftmax(WorkloadContract):
    def make(self) -> Workload:
        return Softmax(rows=5, cols=33)

    def mistakes(self) -> Sequence[Callable[[], object]]:
        return [lambda: Softmax(rows=0), lambda: Softmax(cols=-1)]


class TestLayernorm(WorkloadContract):
    def make(self) -> Workload:
        return Layernorm(rows=5, cols=33)

    def mistakes(self) -> Sequence[Callable[[], object]]:
        return [lambda: Layernorm(rows=0), lambda: Layernorm(cols=-1)]


class TestRmsnorm(WorkloadContract):
    def make(self) -> Workload:
        return Rmsnorm(rows=5, cols=33)

    def mistakes(self) -> Sequence[Callable[[], object]]:
        return [lambda: Rmsnorm(rows=0), lambda: Rmsnorm(cols=-1)]


class TestFloat16(WorkloadContract):
    def make(self) -> Workload:
        return Softmax(rows=5, cols=33, dtype="f16")

    def mistakes(self) -> Sequence[Callable[[], object]]:
        return [lambda: Softmax(dtype="half"), lambda: Softmax(dtype="f16").source("mlir")]


class TestBfloat16(WorkloadContract):
    libraries = ("numpy", "ml_dtypes")  # which the inputs come in

    def make(self) -> Workload:
        return Layernorm(rows=5, cols=33, dtype="bf16")


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("dtype", ["f16", "bf16"])
@pytest.mark.parametrize("kind", [Softmax, Layernorm, Rmsnorm])
def test_rows_of_narrow_dtypes_are_computed_in_float32_and_rounded_once(
    kind: type[Softmax | Layernorm | Rmsnorm], dtype: str, distribution: str
) -> None:
    workload = kind(rows=3, cols=4096, dtype=dtype)
    inputs = draw(workload, distribution)
    narrow = workload.outputs[0].dtype
    (exact,) = workload.reference(*inputs)
    rounded = exact.astype(np.float32).astype(narrow)
    assert within_tolerance(workload, inputs, [rounded])
    assert not within_tolerance(workload, inputs, [np.roll(rounded, 1, axis=1)])
    twice = (exact.astype(narrow).astype(np.float32) * np.float32(1.01)).astype(narrow)
    assert not within_tolerance(workload, inputs, [twice])
    bits = [array.view(np.uint16) if dtype == "bf16" else array for array in inputs]
    assert np.array_equal(workload.reference(*bits)[0], exact)
    assert np.array_equal(workload.tolerance(*bits)[0], workload.tolerance(*inputs)[0])


def softmax(x: Array, base: float = np.e) -> Array:
    """In the dtype of x, by powers of `base`."""
    exponents = x * x.dtype.type(np.log(base) ** -1)
    weights = np.power(x.dtype.type(base), exponents - exponents.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True, dtype=x.dtype)


def online_softmax(x: Array, block: int = 4) -> Array:
    """Maximum and sum kept up block by block (Milakov and Gimelshein 2018)."""
    most, total = np.full((len(x), 1), -np.inf, x.dtype), np.zeros((len(x), 1), x.dtype)
    for start in range(0, x.shape[1], block):
        part = x[:, start : start + block]
        larger = np.maximum(most, part.max(axis=1, keepdims=True))
        total = total * np.exp(most - larger) + np.exp(part - larger).sum(axis=1, keepdims=True)
        most = larger
    return np.exp(x - most) / total


def moments(x: Array) -> tuple[Array, Array]:
    mean = x.mean(axis=1, keepdims=True)
    return mean, np.square(x - mean).mean(axis=1, keepdims=True)


def moments_by_sums(x: Array) -> tuple[Array, Array]:
    mean = x.mean(axis=1, keepdims=True)
    return mean, np.maximum(np.square(x).mean(axis=1, keepdims=True) - np.square(mean), 0)


def layernorm(inputs: Sequence[Array], by: Callable[[Array], tuple[Array, Array]]) -> Array:
    x, gamma, beta = inputs
    mean, variance = by(x)
    return (x - mean) * (1 / np.sqrt(variance + x.dtype.type(1e-5))) * gamma + beta


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize("way", [softmax, lambda x: softmax(x, base=2), online_softmax])
def test_every_way_to_a_softmax_in_float32_is_right(
    way: Callable[[Array], Array], cols: int, distribution: str
) -> None:
    workload = Softmax(rows=20, cols=cols)
    inputs = draw(workload, distribution)
    assert within_tolerance(workload, inputs, [way(inputs[0])])


def test_large_and_far_apart_elements_of_a_softmax_are_right() -> None:
    workload = Softmax(rows=4, cols=64)
    x = np.float32(60) * draw(workload, "normal")[0]
    assert within_tolerance(workload, [x], [softmax(x)])
    assert within_tolerance(workload, [x], [online_softmax(x)])


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("cols", COLUMNS)
@pytest.mark.parametrize("by", [moments, moments_by_sums])
def test_every_way_to_a_variance_in_float32_is_right(
    by: Callable[[Array], tuple[Array, Array]], cols: int, distribution: str
) -> None:
    workload = Layernorm(rows=20, cols=cols)
    inputs = draw(workload, distribution)
    assert within_tolerance(workload, inputs, [layernorm(inputs, by)])


def last_column_left_out_of_the_sum(x: Array) -> Array:
    weights = np.exp(x - x.max(axis=1, keepdims=True))
    return weights / weights[:, :-1].sum(axis=1, keepdims=True)


def in_float16(x: Array) -> Array:
    return softmax(x.astype(np.float16))


def repeated_row(x: Array) -> Array:
    return softmax(x[[*range(len(x) - 1), len(x) - 2]])


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("cols", [33, 1024])
@pytest.mark.parametrize("fault", [last_column_left_out_of_the_sum, in_float16, repeated_row])
def test_a_faulty_softmax_is_wrong(fault: Callable[[Array], Array], cols: int, distribution: str) -> None:
    workload = Softmax(rows=20, cols=cols)
    inputs = draw(workload, distribution)
    assert not within_tolerance(workload, inputs, [fault(inputs[0])])


def rmsnorm(inputs: Sequence[Array], left_out: int = 0) -> Array:
    """Without so many columns of the sum of squares."""
    x, gamma = inputs
    squares = np.square(x[:, : x.shape[1] - left_out]).sum(axis=1, keepdims=True, dtype=x.dtype)
    return x * (1 / np.sqrt(squares / np.float32(x.shape[1]) + x.dtype.type(1e-5))) * gamma


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("cols", [33, 1024])
def test_a_normalisation_by_the_mean_square_needs_all_columns_and_float32(cols: int, distribution: str) -> None:
    workload = Rmsnorm(rows=20, cols=cols)
    inputs = draw(workload, distribution)
    assert within_tolerance(workload, inputs, [rmsnorm(inputs)])
    assert not within_tolerance(workload, inputs, [rmsnorm(inputs, left_out=1)])
    assert not within_tolerance(workload, inputs, [rmsnorm([array.astype(np.float16) for array in inputs])])


def last_column_left_out_of_the_mean(x: Array) -> tuple[Array, Array]:
    mean = x[:, :-1].sum(axis=1, keepdims=True) / np.float32(x.shape[1])
    return mean, moments(x)[1]


def last_column_left_out_of_the_variance(x: Array) -> tuple[Array, Array]:
    mean, _ = moments(x)
    return mean, np.square(x - mean)[:, :-1].sum(axis=1, keepdims=True) / np.float32(x.shape[1])


def unbiased(x: Array) -> tuple[Array, Array]:
    mean, variance = moments(x)
    return mean, variance * np.float32(x.shape[1] / (x.shape[1] - 1))


def moments_in_float16(x: Array) -> tuple[Array, Array]:
    mean, variance = moments(x.astype(np.float16))
    return mean.astype(np.float32), variance.astype(np.float32)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("cols", [33, 1024])
@pytest.mark.parametrize(
    "by", [last_column_left_out_of_the_mean, last_column_left_out_of_the_variance, unbiased, moments_in_float16]
)
def test_a_faulty_normalisation_is_wrong(
    by: Callable[[Array], tuple[Array, Array]], cols: int, distribution: str
) -> None:
    workload = Layernorm(rows=20, cols=cols)
    inputs = draw(workload, distribution)
    assert not within_tolerance(workload, inputs, [layernorm(inputs, by)])


def test_the_reference_normalises_each_row_and_then_scales_and_shifts() -> None:
    workload = Layernorm(rows=4, cols=100)
    x, gamma, beta = draw(workload, "normal")
    (normal,) = workload.reference(x, np.ones_like(gamma), np.zeros_like(beta))
    np.testing.assert_allclose(normal.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(normal.var(axis=1), 1, atol=1e-4)
    np.testing.assert_allclose(workload.reference(x, gamma, beta)[0], normal * gamma + beta, rtol=1e-12)
