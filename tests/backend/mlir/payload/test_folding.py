"""Constants leave the text, and what is computed of them alone is computed once; what is spread out of them is not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import programs
import pytest

from mlopt.backend.mlir.bindings import ir, new_context
from mlopt.backend.mlir.constants import files, load
from mlopt.backend.mlir.payload.folding import fold, lift
from mlopt.backend.mlir.payload.frontend import parse
from mlopt.backend.mlir.payload.walk import operations
from mlopt.protocols import Array

RAMP = np.arange(16 * 32, dtype=np.float32).reshape(16, 32)
T = "tensor<16x32xf32>"


@pytest.fixture(autouse=True)
def _context() -> Iterator[None]:
    context = new_context()
    with context, ir.Location.unknown(context):
        yield


def dense(array: Array) -> str:
    return f'dense<"0x{array.tobytes().hex()}">'


def function(steps: str, kind: str = T) -> ir.Module:
    """A function of %x that returns %y, both of this type, with %w the ramp."""
    return parse(f"""
func.func @f(%x: {kind}) -> {kind} {{
  %w = arith.constant {dense(RAMP)} : {T}
  {steps}
  return %y : {kind}
}}""")


def names(module: ir.Module) -> list[str]:
    return [op.name for op in operations(module.operation)]


def values(module: ir.Module) -> list[Array]:
    """Of the arguments that are constants."""
    return [load(file) for file in files(module) if file is not None]


def test_a_large_constant_becomes_an_argument() -> None:
    module = function(f"%y = arith.addf %x, %w : {T}")
    lift(module)
    assert module.operation.verify()
    assert "arith.constant" not in names(module)
    assert files(module)[0] is None
    assert [np.array_equal(value, RAMP) for value in values(module)] == [True]
    assert str(module).count("bufferization.writable = false") == 2


@pytest.mark.parametrize("constant", ["dense<1.0> : tensor<16x32xf32>", 'dense<"0x0000803F00000040"> : tensor<2xf32>'])
def test_one_number_throughout_and_a_few_numbers_stay(constant: str) -> None:
    kind = constant.partition(" : ")[2]
    module = parse(f"func.func @f() -> {kind} {{ %y = arith.constant {constant}\n return %y : {kind} }}")
    before = str(module)
    lift(module)
    fold(module)
    assert str(module) == before


@pytest.mark.parametrize("dtype", ["i1", "i32", "complex<f32>"])
def test_constants_of_any_type_that_numpy_has(dtype: str) -> None:
    array = np.resize([1, 0, 0], 1024).astype({"i1": "bool", "i32": "int32", "complex<f32>": "complex64"}[dtype])
    written = f"dense<{str(array.tolist()).lower()}>" if dtype == "i1" else dense(array)
    kind = f"tensor<1024x{dtype}>"
    module = parse(f"func.func @f() -> {kind} {{ %y = arith.constant {written} : {kind}\n return %y : {kind} }}")
    lift(module)
    assert [np.array_equal(value, array) for value in values(module)] == [True]


def test_a_chain_of_constants_is_computed_once() -> None:
    module = parse(programs.WEIGHTED)
    lift(module)
    fold(module)
    assert module.operation.verify()
    assert "linalg.transpose" not in names(module)
    assert [value.shape for value in values(module)] == [(16, 24)]
    assert np.array_equal(values(module)[0], programs.WEIGHTS.T)
    assert "linalg.broadcast" in names(module)  # which is larger than the constant that it reads


def test_small_constants_are_folded_without_being_lifted() -> None:
    steps = f"""
  %v = arith.constant dense<[1.0, 4.0]> : tensor<2xf32>
  %se = tensor.empty() : tensor<2xf32>
  %s = linalg.sqrt ins(%v : tensor<2xf32>) outs(%se : tensor<2xf32>) -> tensor<2xf32>
  %e = tensor.empty() : {T.replace("16", "2")}
  %b = linalg.broadcast ins(%s : tensor<2xf32>) outs(%e : tensor<2x32xf32>) dimensions = [1]
  %y = arith.mulf %x, %b : tensor<2x32xf32>"""
    module = function(steps, "tensor<2x32xf32>")
    fold(module)
    assert "linalg.sqrt" not in names(module)
    assert np.array_equal(values(module)[0], [1.0, 2.0])


def test_what_a_body_reads_from_outside_counts() -> None:
    """A nest whose body reads an element of the input is no constant."""
    steps = f"""
  %zero = arith.constant 0 : index
  %factor = tensor.extract %x[%zero, %zero] : {T}
  %e = tensor.empty() : {T}
  %y = linalg.map ins(%w : {T}) outs(%e : {T}) (%in: f32, %out: f32) {{
    %scaled = arith.mulf %in, %factor : f32
    linalg.yield %scaled : f32
  }}"""
    module = function(steps)
    lift(module)
    before = str(module)
    fold(module)
    assert str(module) == before


def test_what_two_results_need_is_computed_once_and_only_what_is_read_is_kept() -> None:
    steps = f"""
  %e = tensor.empty() : {T}
  %s = linalg.add ins(%w, %w : {T}, {T}) outs(%e : {T}) -> {T}
  %r = arith.addf %x, %s : {T}
  %y = arith.mulf %r, %s : {T}"""
    module = function(steps)
    lift(module)
    fold(module)
    assert [np.array_equal(value, 2 * RAMP) for value in values(module)] == [True]


def test_what_is_returned_is_computed_once_too() -> None:
    module = function(f"%e = tensor.empty() : {T} \n %y = linalg.add ins(%w, %w : {T}, {T}) outs(%e : {T}) -> {T}")
    lift(module)
    fold(module)
    assert "linalg.add" not in names(module)
    assert [np.array_equal(value, 2 * RAMP) for value in values(module)] == [True]
