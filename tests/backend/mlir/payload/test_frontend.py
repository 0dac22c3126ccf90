"""A payload is simplified: generic nests, element-wise ones merged where nothing is computed twice for it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import programs
import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.bindings import ir
from mlopt.backend.mlir.machine_code import compile_llvm
from mlopt.backend.mlir.naive import lower
from mlopt.backend.mlir.payload.describe import read
from mlopt.backend.mlir.payload.frontend import BARRIER, entry_point, finish, first_line, parse, prepare
from mlopt.backend.mlir.payload.walk import operations
from mlopt.backend.mlir.program import MlirKernel
from mlopt.evaluator.correctness import empty
from mlopt.protocols import Workload
from mlopt.testing.backend import assert_computes, schedules
from mlopt.testing.workload import draw
from mlopt.workloads.add.workload import Add
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.mlir_file.workload import MlirFile
from mlopt.workloads.mlp.workload import Mlp
from mlopt.workloads.softmax.workload import Softmax

T = "tensor<4x8xf32>"
ROW = "tensor<4xf32>"


def function(steps: str, result: str = T) -> str:
    """A payload of these steps, of which %y is the last, on %a and %b of 4 by 8."""
    return f"""
func.func @f(%a: {T}, %b: {T}) -> {result} {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : {T}
  %row = tensor.empty() : {ROW}
  {steps}
  return %y : {result}
}}"""


CHAIN = function(f"""
  %s = linalg.add ins(%a, %b : {T}, {T}) outs(%empty : {T}) -> {T}
  %t = linalg.mul ins(%s, %b : {T}, {T}) outs(%empty : {T}) -> {T}
  %y = linalg.exp ins(%t : {T}) outs(%empty : {T}) -> {T}""")

FACTOR = """
  %f = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%r : tensor<4xf32>) outs(%row : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %inverse = math.rsqrt %in : f32
    linalg.yield %inverse : f32
  } -> tensor<4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%f : tensor<4xf32>) outs(%empty : tensor<4x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %double = arith.addf %in, %in : f32
    linalg.yield %double : f32
  } -> tensor<4x8xf32>"""
BY_ROWS = function(f"""
  %init = linalg.fill ins(%zero : f32) outs(%row : {ROW}) -> {ROW}
  %r = linalg.reduce {{ arith.addf }} ins(%a : {T}) outs(%init : {ROW}) dimensions = [1]
  {FACTOR}""")


def prepared(text: str) -> ir.Module:
    module = parse(text)
    prepare(module)
    finish(module)
    return module


def kinds(text: str) -> Counter[str]:
    """How many nests of each kind a prepared payload has."""
    return Counter(nest.tag.rstrip("0123456789") for nest in read(prepared(text)))


def test_a_chain_of_elementwise_operations_becomes_one() -> None:
    assert kinds(CHAIN) == {"map": 1}


def test_an_elementwise_operation_becomes_part_of_the_reduction_that_reads_it() -> None:
    text = function(
        f"""
  %e = linalg.mul ins(%a, %b : {T}, {T}) outs(%empty : {T}) -> {T}
  %init = linalg.fill ins(%zero : f32) outs(%row : {ROW}) -> {ROW}
  %y = linalg.reduce {{ arith.addf }} ins(%e : {T}) outs(%init : {ROW}) dimensions = [1]""",
        ROW,
    )
    assert kinds(text)["map"] == 0


def test_what_two_nests_read_is_computed_once() -> None:
    assert kinds(Softmax(rows=4, cols=8).source("mlir")) == {"map": 2, "reduce": 2, "fill": 2}


def test_a_factor_of_each_row_is_not_computed_for_each_element() -> None:
    assert kinds(BY_ROWS)["map"] == 2


def test_what_stands_between_two_products_is_not_computed_inside_the_second() -> None:
    assert kinds(Mlp(m=4, d_model=8, d_ff=12).source("mlir")) == {"product": 2, "map": 2, "fill": 2}


def test_what_several_windows_read_is_computed_once() -> None:
    text = """
    func.func @f(%x: tensor<1x2x6x6xf32>, %w: tensor<2x3x3xf32>) -> tensor<1x2x4x4xf32> {
      %zero = arith.constant 0.0 : f32
      %t = math.tanh %x : tensor<1x2x6x6xf32>
      %e = tensor.empty() : tensor<1x2x4x4xf32>
      %c = linalg.fill ins(%zero : f32) outs(%e : tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
      %y = linalg.depthwise_conv_2d_nchw_chw {strides = dense<1> : vector<2xi64>, dilations = dense<1> : vector<2xi64>}
        ins(%t, %w : tensor<1x2x6x6xf32>, tensor<2x3x3xf32>) outs(%c : tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
      return %y : tensor<1x2x4x4xf32>
    }"""
    module = parse(text)
    prepare(module)
    operations_of = {nest.sizes: nest.operations for nest in read(module) if nest.operations}
    assert operations_of == {(1, 2, 6, 6): ("math.tanh",), (1, 2, 4, 4, 3, 3): ("arith.mulf", "arith.addf")}


def test_along_loops_of_one_iteration_nothing_is_computed_twice() -> None:
    assert kinds(BY_ROWS.replace("4x8xf32", "4x1xf32"))["map"] == 2  # one is the sum


@pytest.mark.parametrize("weights", ["%weights", "%few"])
def test_what_products_are_added_to_is_added_afterwards(weights: str) -> None:
    """Also where the weights are so few that they are always at hand."""
    shape = "tensor<5x4x1x1xf32>"
    text = f"""
    func.func @f(%image: tensor<1x4x3x7xf32>, %weights: {shape}, %bias: tensor<5xf32>) -> tensor<1x5x3x7xf32> {{
      %few = arith.constant dense<0.5> : {shape}
      %e = tensor.empty() : tensor<1x5x3x7xf32>
      %b = linalg.broadcast ins(%bias : tensor<5xf32>) outs(%e : tensor<1x5x3x7xf32>) dimensions = [0, 2, 3]
      %y = linalg.conv_2d_nchw_fchw ins(%image, {weights} : tensor<1x4x3x7xf32>, {shape})
        outs(%b : tensor<1x5x3x7xf32>) -> tensor<1x5x3x7xf32>
      return %y : tensor<1x5x3x7xf32>
    }}"""
    nests = {nest.tag: nest for nest in read(prepared(text))}
    (product,) = (nest for nest in nests.values() if nest.reductions)
    assert nests[str(product.outputs[0].producer)].is_fill
    (reader,) = product.consumers
    assert "arith.addf" in nests[reader].operations


@pytest.mark.parametrize(
    ("start", "added"),
    [
        ("linalg.fill ins(%one : f32) outs(%e : tensor<1x16x6x6xf32>) -> tensor<1x16x6x6xf32>", True),
        ("arith.constant dense<1.0> : tensor<1x16x6x6xf32>", True),
        ("arith.constant dense<0.0> : tensor<1x16x6x6xf32>", False),
    ],
)
def test_products_begin_with_zeros_whatever_the_program_begins_them_with(
    start: str, added: bool, tmp_path: Path
) -> None:
    image, weights, result = "tensor<1x16x8x8xf32>", "tensor<16x16x3x3xf32>", "tensor<1x16x6x6xf32>"
    (tmp_path / "sum.mlir").write_text(f"""
    func.func @f(%image: {image}, %weights: {weights}) -> {result} {{
      %one = arith.constant 1.0 : f32
      %e = tensor.empty() : {result}
      %start = {start}
      %y = linalg.conv_2d_nchw_fchw ins(%image, %weights : {image}, {weights}) outs(%start : {result}) -> {result}
      return %y : {result}
    }}""")
    workload = MlirFile(str(tmp_path / "sum.mlir"))
    nests = read(prepared(workload.source("mlir")))
    assert any(nest.operations == ("arith.addf",) for nest in nests) == added
    backend = Mlir(threads=1)
    for schedule in schedules(backend, workload):
        assert_computes(backend, workload, schedule)


@pytest.mark.parametrize("text", [CHAIN, BY_ROWS, Mlp(m=4, d_model=8, d_ff=12).source("mlir")])
def test_no_barrier_is_left_behind_and_every_operation_is_generic(text: str) -> None:
    names = {op.name for op in operations(prepared(text).operation)}
    assert BARRIER not in names
    assert {name for name in names if name.startswith("linalg.")} <= {"linalg.generic", "linalg.fill", "linalg.yield"}


def test_a_sum_that_keeps_its_dimension_has_a_loop_for_it() -> None:
    module = parse(programs.PADDED)
    prepare(module)
    (nest,) = (nest for nest in read(module) if nest.reductions)
    assert nest.sizes == (7, 19, 1)
    assert nest.parallel == (0, 2)
    assert nest.outputs[0].rows == ((1, 0, 0), (0, 0, 1))


def test_loops_follow_the_result_in_memory() -> None:
    module = prepared(programs.DEPTHWISE)  # its named operation has the channels last
    (nest,) = (nest for nest in read(module) if nest.reductions)
    assert nest.sizes[:3] == (6, 8, 8)
    assert [row.index(1) for row in nest.outputs[0].rows if any(row)] == [0, 1, 2]


def test_a_margin_of_different_numbers_is_a_nest_too() -> None:
    text = programs.PADDED.replace("tensor.yield %two", "%n = arith.index_cast %j : index to i32\n"
                                   "%f = arith.sitofp %n : i32 to f32\ntensor.yield %f")  # fmt: skip
    names = {op.name for op in operations(prepared(text).operation)}
    assert "tensor.pad" not in names
    assert "arith.sitofp" in names


@pytest.mark.parametrize("name", ["linalg.fill", "tensor.empty"])
def test_every_reader_has_a_start_of_its_own(name: str) -> None:
    module = prepared(Layernorm(rows=4, cols=8).source("mlir"))
    starts = [op for op in operations(module.operation) if op.name == name]
    assert len(starts) > 1
    assert all(len(list(op.results[0].uses)) == 1 for op in starts)


@pytest.mark.parametrize(
    "workload",
    [
        Softmax(rows=3, cols=9),
        Layernorm(rows=3, cols=9),
        Mlp(m=3, d_model=5, d_ff=7),
        Attention(batch=2, heads=4, kv_heads=2, seq=3, kv_seq=5, head_dim=4, causal=True),
        Conv2d(n=2, c=3, h=9, w=8, f=5, kh=3, kw=2, stride=2),
        Maxpool(n=2, c=3, h=8, w=11, k=3, stride=2),
        Add(shape=(3, 5)),
    ],
    ids=lambda workload: type(workload).__name__,
)
def test_results_stay_the_same(workload: Workload) -> None:
    module = prepared(workload.source("mlir"))
    lower(module)
    kernels = (
        MlirKernel(compile_llvm(module, level=0), entry_point(parse(workload.source("mlir"))), threads=0),
        Mlir(threads=1).build(workload, None).load(),
    )
    inputs = draw(workload, "normal")
    results = []
    for kernel in kernels:
        outputs = [empty(spec) for spec in workload.outputs]
        kernel.bind(inputs, outputs)()
        results.append(outputs)
    for ours, naive in zip(*results, strict=True):
        np.testing.assert_allclose(ours, naive, rtol=1e-5, atol=1e-6)


def test_functions_can_be_called_from_outside() -> None:
    module = parse(CHAIN)
    assert entry_point(module) == "f"
    assert "llvm.emit_c_interface" in module.body.operations[0].attributes


def test_the_first_line_of_a_message_is_the_one_that_says_what_is_wrong() -> None:
    assert first_line(RuntimeError("Failure while executing pass\nerror: it is too odd\nnote: see")) == (
        "error: it is too odd"
    )
    assert first_line(RuntimeError("no line of that kind\nat all")) == "no line of that kind"
    assert first_line(RuntimeError("")) == "RuntimeError"
    assert len(first_line(RuntimeError("x" * 999))) == 300


def test_functions_of_complex_numbers_become_arithmetic_too() -> None:
    kind = "tensor<4x8xcomplex<f32>>"
    module = parse(f"""
func.func @f(%x: {kind}) -> {kind} {{
  %empty = tensor.empty() : {kind}
  %y = linalg.map {{ complex.exp }} ins(%x : {kind}) outs(%empty : {kind})
  return %y : {kind}
}}""")
    prepare(module)
    finish(module)
    names = {op.name for op in operations(module.operation)}
    assert "math.fma" in names
    assert names.isdisjoint({"complex.exp", "math.exp", "math.sin", "math.cos"})
