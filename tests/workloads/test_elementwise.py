"""Element-wise workloads: any shape, and no more error than rounding."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mlopt.protocols import TensorSpec, Workload
from mlopt.testing import WorkloadContract
from mlopt.testing.workload import draw, within_tolerance
from mlopt.workloads.add.workload import Add
from mlopt.workloads.elementwise.workload import Elementwise
from mlopt.workloads.gelu.workload import Gelu
from mlopt.workloads.relu.workload import Relu

KINDS = [Add, Relu, Gelu]


class TestAdd(WorkloadContract):
    def make(self) -> Workload:
        return Add(shape=(3, 5, 7))

    def mistakes(self) -> Sequence[Callable[[], object]]:
        return [lambda shape=shape: Add(shape=shape) for shape in ((), (0,), (2, -1), (1.5,), ("8",))]  # type: ignore[misc]


class TestRelu(WorkloadContract):
    def make(self) -> Workload:
        return Relu(shape=(3, 5, 7))


class TestGelu(WorkloadContract):
    def make(self) -> Workload:
        return Gelu(shape=(5, 21))

    def mistakes(self) -> Sequence[Callable[[], object]]:
        return [lambda: Gelu(shape=(2,), dtype="half"), lambda: Gelu(shape=(2,), dtype="f16").source("mlir")]


class TestFloat16(WorkloadContract):
    def make(self) -> Workload:
        return Gelu(shape=(5, 21), dtype="f16")


class TestBfloat16(WorkloadContract):
    libraries = ("numpy", "ml_dtypes")  # which the inputs come in

    def make(self) -> Workload:
        return Add(shape=(5, 21), dtype="bf16")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["f16", "bf16"])
def test_of_narrow_dtypes_the_result_is_rounded_and_not_cut_off(kind: type[Elementwise], dtype: str) -> None:
    workload = kind(shape=(4000,), dtype=dtype)
    inputs = draw(workload, "normal")
    (exact,) = workload.reference(*inputs)
    narrow = workload.outputs[0].dtype
    assert within_tolerance(workload, inputs, [exact.astype(np.float32).astype(narrow)])
    lost = 16 if dtype == "bf16" else 13
    bits = (exact * (1 + 2.0**-24)).astype(np.float32).view(np.uint32)
    cut_off = (bits & np.uint32(0xFFFFFFFF << lost & 0xFFFFFFFF)).view(np.float32)
    assert kind is Relu or not within_tolerance(workload, inputs, [cut_off])


@pytest.mark.parametrize("kind", KINDS)
def test_references_read_bfloat16_from_its_bits_where_numpy_does_not_know_it(kind: type[Elementwise]) -> None:
    workload = kind(shape=(300,), dtype="bf16")
    inputs = draw(workload, "normal")
    bits = [array.view(np.uint16) for array in inputs]
    assert np.array_equal(workload.reference(*bits)[0], workload.reference(*inputs)[0])
    assert np.array_equal(workload.tolerance(*bits)[0], workload.tolerance(*inputs)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_of_sizes_is_as_good_as_a_tuple(kind: type[Elementwise]) -> None:
    workload = kind(shape=[4, 6])  # type: ignore[arg-type]
    assert workload == kind(shape=(4, 6))
    assert hash(workload) == hash(kind(shape=(4, 6)))
    assert workload.outputs == (TensorSpec((4, 6), "float32"),)


def test_work_grows_with_the_number_of_elements() -> None:
    assert [kind(shape=(4, 6)).flops for kind in KINDS] == [24, 24, 120]


def test_references() -> None:
    x, y = (np.array(values, np.float32) for values in ([-2.0, 0.0, 1.5], [0.5, -1.0, 4.0]))
    np.testing.assert_array_equal(Add(shape=(3,)).reference(x, y)[0], [-1.5, -1.0, 5.5])
    np.testing.assert_array_equal(Relu(shape=(3,)).reference(x)[0], [0.0, 0.0, 1.5])
    expected = [value * (1 + math.erf(value / math.sqrt(2))) / 2 for value in (-2.0, 0.0, 1.5)]
    np.testing.assert_allclose(Gelu(shape=(3,)).reference(x)[0], expected, rtol=1e-14)


def test_relu_is_exact() -> None:
    (x,) = draw(Relu(shape=(64,)), "normal")
    assert not within_tolerance(Relu(shape=(64,)), [x], [np.maximum(x, 0) * np.float32(1 + 2e-7)])


def test_add_may_be_rounded_once() -> None:
    add = Add(shape=(1000,))
    x, y = draw(add, "normal")
    assert within_tolerance(add, [x, y], [x + y])
    assert not within_tolerance(add, [x, y], [(x.astype(np.float16) + y.astype(np.float16)).astype(np.float32)])
    assert not within_tolerance(add, [x, y], [np.nextafter(x + y, np.float32(np.inf))])


@pytest.mark.parametrize("scale", [0.01, 1, 5])
def test_gelu_may_be_computed_in_float32_by_either_error_function(scale: float) -> None:
    gelu = Gelu(shape=(1000,))
    x = np.float32(scale) * draw(gelu, "normal")[0]
    z = x * np.float32(math.sqrt(0.5))
    erf, erfc = (np.vectorize(f, otypes=[np.float32]) for f in (math.erf, math.erfc))
    ulp = np.float32(2.0**-23)
    for sign in (-4, 0, 4):  # an error function that is off by 4 ulp
        assert within_tolerance(gelu, [x], [np.float32(0.5) * x * (1 + erf(z) * (1 + sign * ulp))])
        assert within_tolerance(gelu, [x], [np.float32(0.5) * x * (erfc(-z) * (1 + sign * ulp))])


def test_the_tanh_formula_is_not_gelu() -> None:
    gelu = Gelu(shape=(1000,))
    (x,) = draw(gelu, "normal")
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    assert not within_tolerance(gelu, [x], [0.5 * x * (1 + np.tanh(inner))])
