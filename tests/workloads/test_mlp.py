"""The feed-forward block, and what its tolerance lets pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mlopt.protocols import Array, Workload
from mlopt.testing import WorkloadContract
from mlopt.testing.workload import DISTRIBUTIONS, draw, within_tolerance
from mlopt.workloads.mlp.workload import Mlp

BLOCK = Mlp(m=4, d_model=96, d_ff=384)
NARROW = Mlp(m=40, d_model=33, d_ff=95, dtype="bf16")


class TestMlp(WorkloadContract):
    def make(self) -> Workload:
        return Mlp(m=5, d_model=7, d_ff=19)

    def mistakes(self) -> Sequence[Callable[[], object]]:
        return [lambda: Mlp(m=0), lambda: Mlp(d_model=-1), lambda: Mlp(d_ff=0), lambda: Mlp(dtype="half")]


class TestBfloat16(WorkloadContract):
    libraries = ("numpy", "ml_dtypes")  # which the inputs come in

    def make(self) -> Workload:
        return NARROW


class TestFloat16(WorkloadContract):
    def make(self) -> Workload:
        return Mlp(m=40, d_model=33, d_ff=95, dtype="f16")


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_float16_holds_the_results_of_long_sums(distribution: str) -> None:
    workload = Mlp(m=2, d_model=2048, d_ff=8192, dtype="f16")
    (result,) = workload.reference(*draw(workload, distribution))
    assert np.abs(result).max() < 65504 / 8


def gelu(h: Array) -> Array:
    return np.float32(0.5) * h * (1 + np.tanh(np.float32(np.sqrt(2 / np.pi)) * (h + np.float32(0.044715) * h**3)))


def block(inputs: Sequence[Array], activation: Callable[[Array], Array] = gelu) -> Array:
    x, w1, b1, w2, b2 = inputs
    result: Array = activation(x @ w1 + b1) @ w2 + b2
    return result


def last_hidden_left_out(inputs: Sequence[Array]) -> Array:
    x, w1, b1, w2, b2 = inputs
    return block([x, w1[:, :-1], b1[:-1], w2[:-1], b2])


def last_input_left_out(inputs: Sequence[Array]) -> Array:
    x, w1, b1, w2, b2 = inputs
    return block([x[:, :-1], w1[:-1], b1, w2, b2])


def without_biases(inputs: Sequence[Array]) -> Array:
    x, w1, b1, w2, b2 = inputs
    return block([x, w1, 0 * b1, w2, b2])


def hidden_in_float16(inputs: Sequence[Array]) -> Array:
    return block(inputs, lambda h: gelu(h).astype(np.float16).astype(np.float32))


def repeated_row(inputs: Sequence[Array]) -> Array:
    return block(inputs)[[0, 1, 2, 2]]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_float32_in_any_order_is_right(distribution: str) -> None:
    inputs = draw(BLOCK, distribution)
    assert within_tolerance(BLOCK, inputs, [block(inputs)])
    x, w1, b1, w2, b2 = inputs
    model, hidden = (np.random.default_rng(0).permutation(len(w)) for w in (w1, w2))
    mixed = [x[:, model], w1[model][:, hidden], b1[hidden], w2[hidden], b2]
    assert within_tolerance(BLOCK, inputs, [block(mixed)])


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize(
    "fault",
    [last_hidden_left_out, last_input_left_out, without_biases, hidden_in_float16, repeated_row],
)
def test_a_fault_is_wrong(fault: Callable[[Sequence[Array]], Array], distribution: str) -> None:
    inputs = draw(BLOCK, distribution)
    assert not within_tolerance(BLOCK, inputs, [fault(inputs)])


def narrow_block(inputs: Sequence[Array], rounded: Callable[[Array], Array]) -> Array:
    """In float32, with hidden activations and the result rounded."""
    result = block([array.astype(np.float32) for array in inputs], lambda h: rounded(gelu(rounded(h))))
    return rounded(result)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_hidden_layer_may_be_rounded_to_bfloat16_but_not_cut_off(distribution: str) -> None:
    inputs = draw(NARROW, distribution)
    nearest = narrow_block(inputs, lambda x: x.astype("bfloat16").astype(np.float32))
    assert within_tolerance(NARROW, inputs, [nearest])
    exact = block([array.astype(np.float32) for array in inputs])
    assert within_tolerance(NARROW, inputs, [exact])
    cut = narrow_block(inputs, lambda x: (x.view(np.uint32) & 0xFFFF0000).view(np.float32))
    assert not within_tolerance(NARROW, inputs, [cut])


def test_a_rectifier_is_no_gelu() -> None:
    inputs = draw(BLOCK, "normal")
    assert not within_tolerance(BLOCK, inputs, [block(inputs, lambda h: np.maximum(h, 0))])


def test_work_is_that_of_two_products_and_what_is_done_to_each_element() -> None:
    assert Mlp(m=2, d_model=3, d_ff=5).flops == 2 * (2 * 2 * 3 * 5) + 2 * 5 * 9 + 2 * 3
