"""Loops that walk through memory as one are one, and what is computed stays what it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlopt.backend.mlir.bindings import ir
from mlopt.backend.mlir.machine_code import compile_llvm
from mlopt.backend.mlir.naive import lower
from mlopt.backend.mlir.payload.describe import read
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.payload.merge import WALL, merge, wall
from mlopt.backend.mlir.payload.nest import LoopNest
from mlopt.backend.mlir.payload.walk import operations
from mlopt.backend.mlir.program import bind
from mlopt.protocols import Array, Workload
from mlopt.workloads.add.workload import Add
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.contraction.workload import Contraction
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.softmax.workload import Softmax

SIZES = {"a": 2, "b": 3, "c": 1, "d": 4, "e": 5}


def finished(text: str) -> Any:
    module = parse(text)
    prepare(module)
    finish(module)
    return module


def sizes(workload: Workload) -> dict[str, tuple[int, ...]]:
    return {nest.tag: nest.sizes for nest in read(finished(workload.source("mlir")))}


def signature(module: Any) -> str:
    return str(ir.TypeAttr(module.body.operations[0].attributes["function_type"]).value)


def result(module: Any, inputs: list[Array], output: Array) -> Array:
    lower(module)
    bind(compile_llvm(module, 0), "contraction", (*inputs, output))()
    return output


def test_an_elementwise_operation_is_one_loop() -> None:
    assert sizes(Add(shape=(2, 3, 1, 4))) == {"map0": (24,)}


def test_a_convolution_of_single_pixels_is_a_matrix_product() -> None:
    pointwise = {"n": 2, "c": 3, "h": 4, "w": 5, "f": 6, "kh": 1, "kw": 1}
    assert sizes(Conv2d(**pointwise, layout="nhwc"))["product0"] == (40, 6, 3)
    assert sizes(Conv2d(**pointwise, layout="nchw"))["product0"] == (2, 6, 20, 3)  # images are apart


def test_windows_keep_their_rows_and_columns() -> None:
    assert sizes(Maxpool(n=2, c=3, h=8, w=11, k=3, stride=2))["reduce0"] == (6, 3, 11, 3)


def test_nests_agree_on_what_is_joined() -> None:
    """The scores' heads and rows are apart in the product with the keys, so they are everywhere."""
    found = sizes(Attention(batch=2, heads=3, kv_heads=3, seq=4, kv_seq=5, head_dim=6))
    assert {tag: loops for tag, loops in found.items() if "fill" not in tag} == {
        "product0": (6, 4, 5, 6),
        "map0": (6, 4, 5),
        "reduce0": (6, 4, 5),
        "map1": (6, 4, 5),
        "reduce1": (6, 4, 5),
        "product1": (6, 4, 5, 6),
        "map2": (6, 4, 6),
    }


def test_sums_and_results_are_never_one() -> None:
    assert sizes(Softmax(rows=6, cols=8))["reduce0"] == (6, 8)


def test_a_loop_whose_count_is_asked_for_stays_itself() -> None:
    text = """#m = affine_map<(a, b, c, d) -> (a, b, c, d)>
    func.func @f(%x: tensor<2x3x4x1xindex>) -> tensor<2x3x4x1xindex> {
      %e = tensor.empty() : tensor<2x3x4x1xindex>
      %y = linalg.generic {indexing_maps = [#m, #m], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
          ins(%x : tensor<2x3x4x1xindex>) outs(%e : tensor<2x3x4x1xindex>) {
      ^bb0(%in: index, %out: index):
        %c = linalg.index 2 : index
        %d = linalg.index 3 : index
        %s = arith.muli %c, %d : index
        %t = arith.addi %in, %c : index
        %u = arith.addi %t, %s : index
        linalg.yield %u : index
      } -> tensor<2x3x4x1xindex>
      return %y : tensor<2x3x4x1xindex>
    }"""
    module = finished(text)
    assert signature(module) == "(tensor<6x4xindex>) -> tensor<6x4xindex>"
    assert [op.attributes["dim"].value for op in operations(module.operation) if op.name == "linalg.index"] == [1]


RESHAPED = """#m = affine_map<(a, b) -> (a, b)>
func.func @f(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<2x8xf32>, tensor<32xf32>) {
  %e = tensor.empty() : tensor<4x8xf32>
  %k = arith.constant dense<2.0> : tensor<4x8xf32>
  %y = linalg.mul ins(%x, %k : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %part = tensor.extract_slice %y[1, 0] [2, 8] [1, 1] : tensor<4x8xf32> to tensor<2x8xf32>
  %e2 = tensor.empty() : tensor<2x8xf32>
  %z = linalg.exp ins(%part : tensor<2x8xf32>) outs(%e2 : tensor<2x8xf32>) -> tensor<2x8xf32>
  %flat = tensor.collapse_shape %y [[0, 1]] : tensor<4x8xf32> into tensor<32xf32>
  return %y, %z, %flat : tensor<4x8xf32>, tensor<2x8xf32>, tensor<32xf32>
}"""


def test_for_what_is_no_nest_tensors_keep_their_shapes() -> None:
    module = finished(RESHAPED)
    assert signature(module) == "(tensor<32xf32>) -> (tensor<32xf32>, tensor<2x8xf32>, tensor<32xf32>)"
    assert {nest.sizes for nest in read(module)} == {(32,), (2, 8)}  # a slice need not lie in one piece


def test_functions_that_may_call_each_other_are_left_alone() -> None:
    add = Add(shape=(2, 3)).source("mlir")
    module = parse(add + add.replace("@add", "@other").replace("#", "#other_"))
    prepare(module)
    merge(module)
    assert {nest.sizes for nest in read(module)} == {(2, 3)}


def test_beyond_a_wall_dimensions_are_joined_though_the_producer_cannot() -> None:
    def nests(walled: bool) -> list[LoopNest]:
        module = parse(TRANSPOSED_THEN_NEGATED)
        prepare(module)
        first, second = (op for op in operations(module.operation) if op.name == "linalg.generic")
        if walled:
            with ir.InsertionPoint(second), second.location:
                second.operands[0] = wall(first.results[0])
        finish(module)
        assert not any(op.name == WALL for op in operations(module.operation))
        return list(read(module))

    assert [nest.sizes for nest in nests(walled=False)] == [(4, 8), (4, 8)]
    assert [nest.sizes for nest in nests(walled=True)] == [(4, 8), (32,)]


TRANSPOSED_THEN_NEGATED = """func.func @f(%x: tensor<8x4xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %e = tensor.empty() : tensor<4x8xf32>
  %e2 = tensor.empty() : tensor<4x8xf32>
  %t = linalg.transpose ins(%x : tensor<8x4xf32>) outs(%e : tensor<4x8xf32>) permutation = [1, 0]
  %y = linalg.negf ins(%t : tensor<4x8xf32>) outs(%e2 : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %t, %y : tensor<4x8xf32>, tensor<4x8xf32>
}"""


@st.composite
def einsums(draw: st.DrawFn) -> str:
    """Any two operands and any result of up to five indices."""
    letters = st.lists(st.sampled_from(sorted(SIZES)), min_size=1, max_size=4, unique=True)
    left, right = draw(letters), draw(letters)
    kept = [letter for letter in dict.fromkeys(left + right) if draw(st.booleans())]
    return f"{''.join(left)},{''.join(right)}->{''.join(draw(st.permutations(kept)))}"


@given(einsums(), st.sampled_from(["f32", "complex64"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_merged_computes_the_same(spec: str, dtype: str) -> None:
    workload = Contraction(spec, SIZES, dtype=dtype)
    rng = np.random.default_rng(0)
    inputs = [rng.integers(-4, 5, each.shape).astype(each.dtype) for each in workload.operands]
    if dtype == "complex64":
        inputs = [(each + 1j * rng.integers(-4, 5, each.shape)).astype(np.complex64) for each in inputs]
    (output,) = (np.full(each.shape, np.nan, each.dtype) for each in workload.outputs)
    module = finished(workload.source("mlir"))
    assert np.array_equal(result(module, inputs, output), np.einsum(spec, *inputs))


@given(einsums(), st.sampled_from(["f32", "complex64"]))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_merged_stays_as_it_is(spec: str, dtype: str) -> None:
    module = finished(Contraction(spec, SIZES, dtype=dtype).source("mlir"))
    once = str(module)
    merge(module)
    assert str(module) == once


@pytest.mark.parametrize("workload", [Softmax(rows=6, cols=8), Conv2d(n=2, c=3, h=5, w=5, f=4, kh=3, kw=3)])
def test_no_loop_of_one_iteration_is_left(workload: Workload) -> None:
    assert all(1 not in loops for loops in sizes(workload).values())
