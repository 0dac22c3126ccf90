"""What counts as right: nothing wrong passes, and no right kernel is ever accused."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable

import numpy as np
import pytest
from doubles import PythonKernel, right, silent, skips_the_last_element, writes_to_inputs

from mlopt.core.errors import WrongResult
from mlopt.evaluator.correctness import ALIGNMENT, Case, aligned, case, empty, is_poisoned, is_wrong, poison
from mlopt.protocols import Array, TensorSpec
from mlopt.workloads.matmul.workload import Matmul

MATMUL = Matmul(6, 5, 7)


def check(function: Callable[..., None], workload: Matmul = MATMUL, seed: int = 0, number: int = 0) -> None:
    case(workload, seed, number).check(PythonKernel(function), [empty(spec) for spec in workload.outputs])


def test_a_right_kernel_passes() -> None:
    check(right())


def test_the_first_wrong_element_is_named() -> None:
    expected = case(MATMUL, 0, 0).expected[0][5, 4]
    words = f"output 0: 1 of 30 elements are wrong, the first at (5, 4): nan instead of {expected:.9g}"
    with pytest.raises(WrongResult, match=re.escape(words)):
        check(skips_the_last_element())


def test_what_the_output_held_before_never_counts() -> None:
    output = empty(MATMUL.outputs[0])
    case(MATMUL, 0, 0).check(PythonKernel(right()), [output])
    with pytest.raises(WrongResult, match="30 of 30 elements"):
        case(MATMUL, 0, 0).check(PythonKernel(silent()), [output])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_wrong(value: float) -> None:
    with pytest.raises(WrongResult):
        check(lambda a, b, c: c.fill(value))


def logarithm(write: Callable[[Array, Array], None]) -> None:
    """Check what `write` makes of a negative number, zero and one, where logarithms are expected."""
    given, zeros = np.array([-1.0, 0.0, 1.0], np.float32), np.zeros(3)
    expected = np.array([np.nan, -np.inf, 0.0])
    Case(((given,),), (expected,), (zeros,), (given.copy(),)).check(PythonKernel(write), [np.empty(3, np.float32)])


def test_what_should_be_no_number_must_be_just_that() -> None:
    logarithm(lambda x, y: y.put([0, 1, 2], [np.nan, -np.inf, 0.0]))
    for wrong in ([0.0, -np.inf, 0.0], [np.nan, np.inf, 0.0], [np.nan, -3e38, 0.0], [np.nan, -np.inf, np.nan]):
        with pytest.raises(WrongResult, match="1 of 3"):
            logarithm(lambda x, y, values=wrong: y.put([0, 1, 2], values))
    with pytest.raises(WrongResult, match="1 of 3"):
        logarithm(lambda x, y: y.put([1, 2], [-np.inf, 0.0]))  # the first is never written


def test_inputs_that_were_written_to_are_mended_for_the_next_kernel() -> None:
    with pytest.raises(WrongResult, match="wrote to input 0"):
        check(writes_to_inputs())
    check(right())


def test_an_error_just_beyond_the_tolerance_is_wrong() -> None:
    allowed = case(MATMUL, 0, 0).allowed[0]

    def off(factor: float) -> Callable[[Array, Array, Array], None]:
        def multiply(a: Array, b: Array, c: Array) -> None:
            c[...] = case(MATMUL, 0, 0).expected[0]
            c[2, 3] += factor * allowed[2, 3]

        return multiply

    check(off(0.7))
    with pytest.raises(WrongResult, match=r"the first at \(2, 3\)"):
        check(off(1.5))


def forwards(a: Array, b: Array, c: Array) -> None:
    c[...] = 0.0
    for k in range(a.shape[1]):
        c += np.outer(a[:, k], b[k])


def backwards(a: Array, b: Array, c: Array) -> None:
    forwards(a[:, ::-1], b[::-1], c)


def by_blocks(a: Array, b: Array, c: Array) -> None:
    c[...] = 0.0
    for k in range(0, a.shape[1], 16):
        c += a[:, k : k + 16] @ b[k : k + 16]


def largest_first(a: Array, b: Array, c: Array) -> None:
    order = np.argsort(-np.abs(a).sum(axis=0))
    forwards(a[:, order], b[order], c)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 3, 2), (17, 5, 255), (31, 7, 63), (3, 2, 1021)], ids=str)
@pytest.mark.parametrize("multiply", [forwards, backwards, by_blocks, largest_first, np.matmul])
def test_no_order_of_summation_is_accused(multiply: Callable[..., None], sizes: tuple[int, int, int]) -> None:
    workload = Matmul(*sizes)
    outputs = [empty(spec) for spec in workload.outputs]
    for seed in range(20):
        for number in (0, 1):
            case(workload, seed, number).check(PythonKernel(lambda a, b, c: multiply(a, b, c)), outputs)


@pytest.mark.parametrize("k", [64, 255])
def test_half_precision_is_wrong(k: int) -> None:
    def multiply(a: Array, b: Array, c: Array) -> None:
        c[...] = a.astype(np.float16).astype(np.float32) @ b.astype(np.float16).astype(np.float32)

    for number in (0, 1):
        with pytest.raises(WrongResult):
            check(multiply, Matmul(3, 4, k), number=number)


def test_there_are_both_distributions_and_they_are_the_same_every_time() -> None:
    first, second, fresh = (case(Matmul(50, 50, 50), 1, number) for number in range(3))
    assert first.inputs[0].min() < 0.0 <= second.inputs[0].min()
    assert not np.array_equal(first.inputs[0], fresh.inputs[0])
    assert not np.array_equal(first.inputs[0], case(Matmul(50, 50, 50), 2, 0).inputs[0])
    case.cache_clear()
    assert np.array_equal(first.inputs[0], case(Matmul(50, 50, 50), 1, 0).inputs[0])


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "complex64", "int8", "int32"])
def test_poison_is_what_no_kernel_computes(dtype: str) -> None:
    array = np.zeros((2, 3), dtype)
    poison(array)
    assert (np.isnan(array.real) & np.isnan(array.imag)).all() if array.dtype.kind == "c" else True
    assert np.isnan(array).all() if array.dtype.kind in "fc" else (array == np.iinfo(dtype).max).all()


def test_what_nobody_wrote_to_booleans_is_found() -> None:
    output = empty(TensorSpec((2, 3), "bool"))
    poison(output)
    assert is_poisoned(output)
    for value in (0.0, 1.0):
        assert is_wrong(output, np.full((2, 3), value), np.zeros(())).all()
    output[...] = aligned(np.ones((2, 3), bool))
    assert not is_poisoned(output)
    assert not is_wrong(output, np.ones((2, 3)), np.zeros(())).any()
    assert aligned(output.astype(bool)).dtype == bool


def test_whole_numbers_are_compared_too() -> None:
    cases = case(MATMUL, 0, 0)
    expected = np.arange(4).reshape(2, 2)
    integers = type(cases)(((),), (expected.astype(float),), (np.zeros(()),), ())
    integers.compare([expected])
    with pytest.raises(WrongResult, match=r"1 of 4 elements are wrong, the first at \(1, 1\): 4 instead of 3"):
        integers.compare([np.array([[0, 1], [2, 4]])])


@pytest.mark.parametrize("shape", [(), (3,), (127, 63)])
def test_buffers_begin_at_a_cache_line(shape: tuple[int, ...]) -> None:
    values = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    for array in (empty(TensorSpec(shape, "float32")), aligned(values)):
        assert array.ctypes.data % ALIGNMENT == 0
        assert (array.shape, array.dtype) == (shape, np.float32)
        assert array.flags.c_contiguous
        assert array.flags.writeable
    assert np.array_equal(aligned(values), values)


@pytest.mark.parametrize("where", ["before", "behind"])
@pytest.mark.parametrize("buffer", [0, 2], ids=["input", "output"])
def test_a_kernel_that_writes_outside_of_a_buffer_is_wrong_and_the_next_one_is_not_blamed(
    where: str, buffer: int
) -> None:
    def overrun(a: Array, b: Array, c: Array) -> None:
        np.matmul(a, b, out=c)
        array = (a, b, c)[buffer]
        ctypes.memset(array.ctypes.data + (array.nbytes if where == "behind" else -1), 0, 1)

    with pytest.raises(WrongResult, match="outside of its buffers"):
        check(overrun)
    check(right())
