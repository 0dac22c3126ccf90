"""Attention and decoding: who sees whom, whose keys are whose, and what the tolerance lets pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from mlopt.protocols import Array, TensorSpec, Workload
from mlopt.testing import WorkloadContract
from mlopt.testing.workload import DISTRIBUTIONS, draw, within_tolerance
from mlopt.workloads.attention import reference
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.decode.workload import Decode

NARROW = Attention(batch=2, heads=6, kv_heads=2, seq=13, kv_seq=19, head_dim=8, causal=True, dtype="bf16")
SMALL = {"batch": 2, "heads": 6, "seq": 7, "kv_seq": 9, "head_dim": 5}


class TestFull(WorkloadContract):
    def make(self) -> Workload:
        return Attention(**SMALL)

    def mistakes(self) -> Sequence[Callable[[], object]]:
        wrong: list[dict[str, object]] = [{"heads": 0}, {"seq": -1}, {"kv_seq": 0}, {"window": 0}, {"window": 1.5}]
        wrong += [{"heads": 6, "kv_heads": 4}, {"seq": 8, "kv_seq": 7, "causal": True}, {"dtype": "half"}]
        return [lambda keys=keys: Attention(**keys) for keys in wrong]  # type: ignore[misc]


class TestCausalInGroups(WorkloadContract):
    def make(self) -> Workload:
        return Attention(**SMALL, kv_heads=2, causal=True)


class TestCausalSquare(WorkloadContract):
    def make(self) -> Workload:
        return Attention(**{**SMALL, "kv_seq": 7}, kv_heads=6, causal=True)


class TestThroughAWindow(WorkloadContract):
    def make(self) -> Workload:
        return Attention(**SMALL, kv_heads=3, causal=True, window=3)


class TestBfloat16(WorkloadContract):
    libraries = ("numpy", "ml_dtypes")  # which the inputs come in

    def make(self) -> Workload:
        return NARROW


class TestFloat16(WorkloadContract):
    def make(self) -> Workload:
        return replace(NARROW, dtype="f16")


class TestDecode(WorkloadContract):
    def make(self) -> Workload:
        return Decode(batch=2, heads=6, kv_heads=2, kv_len=17, head_dim=5)

    def mistakes(self) -> Sequence[Callable[[], object]]:
        return [lambda: Decode(kv_len=0), lambda: Decode(head_dim=-1), lambda: Decode(heads=6, kv_heads=4)]


def test_each_head_has_keys_of_its_own_unless_told_otherwise() -> None:
    for workload in (Attention(heads=4), Decode(heads=4)):
        assert [operand.shape[1] for operand in workload.operands] == [4, 4, 4]
        assert [operand.shape[1] for operand in replace(workload, kv_heads=2).operands] == [4, 2, 2]


def attend(q: Array, k: Array, v: Array, sees: Callable[[int, int], bool]) -> Array:
    """Attention one query at a time, in float64; query i sees key j where `sees(i, j)`."""
    result = np.zeros(q.shape)
    group = q.shape[1] // k.shape[1]
    for b, h, i in np.ndindex(*q.shape[:3]):
        seen = [j for j in range(k.shape[2]) if sees(i, j)]
        scores = k[b, h // group, seen].astype(np.float64) @ q[b, h, i] / np.sqrt(q.shape[3])
        weights = np.exp(scores)
        result[b, h, i] = weights @ v[b, h // group, seen] / weights.sum()
    return result


@pytest.mark.parametrize(
    ("keys", "sees", "pairs"),
    [
        ({}, lambda i, j: True, 7 * 9),
        ({"causal": True}, lambda i, j: j <= i + 2, 3 + 4 + 5 + 6 + 7 + 8 + 9),
        ({"causal": True, "window": 3}, lambda i, j: i < j + 1 <= i + 3, 7 * 3),
        ({"window": 3}, lambda i, j: j > i - 1, 9 + 8 + 7 + 6 + 5 + 4 + 3),
        ({"causal": True, "window": 1}, lambda i, j: j == i + 2, 7),
    ],
)
def test_each_query_sees_the_keys_that_it_should(
    keys: dict[str, object], sees: Callable[[int, int], bool], pairs: int
) -> None:
    attention = Attention(**SMALL, kv_heads=3, **keys)  # type: ignore[arg-type]
    inputs = draw(attention, "normal")
    np.testing.assert_allclose(attention.reference(*inputs)[0], attend(*inputs, sees), atol=1e-12)
    assert attention.flops == 2 * 6 * (pairs * (4 * 5 + 5) + 7 * 5)


def test_decoding_is_attention_of_one_query() -> None:
    decode = Decode(batch=2, heads=6, kv_heads=2, kv_len=9, head_dim=5)
    attention = Attention(**{**SMALL, "seq": 1}, kv_heads=2, causal=True)
    q, k, v = draw(decode, "normal")
    assert np.array_equal(decode.reference(q, k, v)[0], attention.reference(q[:, :, None], k, v)[0][:, :, 0])
    assert np.array_equal(decode.tolerance(q, k, v)[0], attention.tolerance(q[:, :, None], k, v)[0][:, :, 0])
    assert decode.flops == attention.flops
    assert decode.operands == (
        TensorSpec((2, 6, 5), "float32"),
        TensorSpec((2, 2, 9, 5), "float32"),
        TensorSpec((2, 2, 9, 5), "float32"),
    )


ATTENTION = Attention(heads=2, kv_heads=2, seq=8, kv_seq=512, head_dim=64)


def scores(q: Array, k: Array) -> Array:
    return q @ k.swapaxes(-1, -2) * q.dtype.type(q.shape[-1] ** -0.5)


def unfused(inputs: Sequence[Array]) -> Array:
    """In the inputs' dtype."""
    q, k, v = inputs
    products = scores(q, k)
    weights = np.exp(products - products.max(axis=-1, keepdims=True))
    return (weights @ v) / weights.sum(axis=-1, keepdims=True)


def online(inputs: Sequence[Array], block: int = 4) -> Array:
    """By blocks of keys, with powers of two (Dao and others 2022)."""
    q, k, v = inputs
    most = np.full((*q.shape[:-1], 1), -np.inf, np.float32)
    total, result = np.zeros_like(most), np.zeros_like(q)
    for start in range(0, k.shape[2], block):
        keys, values = k[:, :, start : start + block], v[:, :, start : start + block]
        products = scores(q * np.float32(np.log2(np.e)), keys)
        larger = np.maximum(most, products.max(axis=-1, keepdims=True))
        weights, rescale = np.exp2(products - larger), np.exp2(most - larger)
        total = total * rescale + weights.sum(axis=-1, keepdims=True)
        result = result * rescale + weights @ values
        most = larger
    return result / total


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("way", [unfused, online, lambda inputs: online(inputs, block=1)])
def test_every_algorithm_in_float32_is_right(way: Callable[[Sequence[Array]], Array], distribution: str) -> None:
    inputs = draw(ATTENTION, distribution)
    assert within_tolerance(ATTENTION, inputs, [way(inputs)])


def last_key_left_out(inputs: Sequence[Array]) -> Array:
    q, k, v = inputs
    return unfused([q, k[:, :, :-1], v[:, :, :-1]])


def last_key_left_out_of_the_sum(inputs: Sequence[Array]) -> Array:
    q, k, _ = inputs
    products = scores(q, k)
    weights = np.exp(products - products.max(axis=-1, keepdims=True)).sum(axis=-1, keepdims=True)
    without = np.exp(products - products.max(axis=-1, keepdims=True))[..., :-1].sum(axis=-1, keepdims=True)
    return unfused(inputs) * weights / without


def in_float16(inputs: Sequence[Array]) -> Array:
    return unfused([array.astype(np.float16) for array in inputs])


def scores_in_float16(inputs: Sequence[Array]) -> Array:
    q, k, v = inputs
    products = scores(q, k).astype(np.float16).astype(np.float32)
    weights = np.exp(products - products.max(axis=-1, keepdims=True))
    return (weights @ v) / weights.sum(axis=-1, keepdims=True)


def last_element_left_out_of_scores(inputs: Sequence[Array]) -> Array:
    q, k, v = inputs
    return unfused([np.where(np.arange(q.shape[-1]) < q.shape[-1] - 1, q, 0), k, v])


def skipped_query(inputs: Sequence[Array]) -> Array:
    return unfused(inputs)[:, :, [*range(7), 6]]


FAULTS = [last_key_left_out, last_key_left_out_of_the_sum, last_element_left_out_of_scores, in_float16, skipped_query]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_wrong(fault: Callable[[Sequence[Array]], Array], distribution: str) -> None:
    inputs = draw(ATTENTION, distribution)
    assert not within_tolerance(ATTENTION, inputs, [fault(inputs)])


def test_scores_in_float16_are_wrong() -> None:
    inputs = draw(ATTENTION, "normal")
    assert not within_tolerance(ATTENTION, inputs, [scores_in_float16(inputs)])


def test_a_key_too_many_behind_the_mask_is_wrong() -> None:
    causal, shifted = (Attention(heads=2, kv_heads=2, seq=64, kv_seq=keys, causal=True) for keys in (64, 65))
    q, k, v = draw(shifted, "normal")
    fewer = [q, k[:, :, :-1], v[:, :, :-1]]
    leaking = shifted.reference(q, k, v)[0]
    assert not within_tolerance(causal, fewer, [leaking])


def narrow_attention(inputs: Sequence[Array], rounded: Callable[[Array], Array]) -> Array:
    """NARROW's, in float32, with unnormalised weights and the result rounded."""
    q, k, v = (array.astype(np.float32) for array in inputs)
    k, v = (np.repeat(array, NARROW.heads // NARROW.kv_heads, axis=1) for array in (k, v))
    scores = q @ k.swapaxes(-1, -2) / np.float32(np.sqrt(NARROW.head_dim))
    later = np.arange(NARROW.kv_seq) > np.arange(NARROW.seq)[:, None] + NARROW.kv_seq - NARROW.seq
    weights = np.exp(np.where(later, -np.inf, scores - scores.max(axis=-1, keepdims=True))).astype(np.float32)
    return rounded(rounded(weights) @ v / weights.sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_weights_may_be_rounded_to_bfloat16(distribution: str) -> None:
    inputs = draw(NARROW, distribution)
    nearest = narrow_attention(inputs, lambda x: x.astype("bfloat16").astype(np.float32))
    assert within_tolerance(NARROW, inputs, [nearest])
    assert within_tolerance(NARROW, inputs, [narrow_attention(inputs, lambda x: x)])


def test_weights_that_are_cut_off_to_bfloat16_are_wrong() -> None:
    inputs = draw(NARROW, "uniform")  # without cancellation
    cut = narrow_attention(inputs, lambda x: (x.view(np.uint32) & 0xFFFF0000).view(np.float32))
    assert not within_tolerance(NARROW, inputs, [cut])


@pytest.mark.parametrize("held", [1, 50, 300])
@pytest.mark.parametrize(
    "workload", [replace(NARROW, window=5), Decode(2, 6, 2, 5, kv_len=17)], ids=["rows", "one row"]
)
def test_however_few_scores_are_held_at_a_time_the_reference_is_the_same(
    workload: Workload, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = draw(workload, "normal")
    expected = *workload.reference(*inputs), *workload.tolerance(*inputs)
    monkeypatch.setattr(reference, "HELD", held)
    for found, whole in zip((*workload.reference(*inputs), *workload.tolerance(*inputs)), expected, strict=True):
        np.testing.assert_allclose(found, whole, rtol=1e-12)
