"""Tensors of i1 become tensors of bytes where all that touches them is understood."""

from __future__ import annotations

from typing import Any

from mlopt.backend.mlir.bindings import active
from mlopt.backend.mlir.payload.booleans import keep_in_bytes
from mlopt.backend.mlir.payload.frontend import parse
from mlopt.backend.mlir.payload.walk import operations

FUNCTION = """
func.func @f(%mask: tensor<6xi1>, %x: tensor<6xf32>) -> (tensor<6xi1>, tensor<6xf32>) {{
  %zero = arith.constant 0.0 : f32
  %yes = arith.constant true
  %none = tensor.empty() : tensor<6xi1>
  %clear = linalg.fill ins(%yes : i1) outs(%none : tensor<6xi1>) -> tensor<6xi1>
  %empty = tensor.empty() : tensor<6xf32>
  {step}
  %m, %y = linalg.generic {{indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>, affine_map<(i) -> (i)>,
                                            affine_map<(i) -> (i)>],
                           iterator_types = ["parallel"]}}
      ins(%mask, %x : tensor<6xi1>, tensor<6xf32>) outs(%clear, %empty : tensor<6xi1>, tensor<6xf32>) {{
  ^bb0(%bit: i1, %in: f32, %other: i1, %out: f32):
    %both = arith.andi %bit, %other : i1
    %chosen = arith.select %both, %in, %zero : f32
    linalg.yield %both, %chosen : i1, f32
  }} -> (tensor<6xi1>, tensor<6xf32>)
  return %m, %y : tensor<6xi1>, tensor<6xf32>
}}
"""
GENERATED = "%kept = tensor.generate { ^bb0(%i: index): tensor.yield %yes : i1 } : tensor<6xi1>"


def kept(step: str = "") -> tuple[Any, str]:
    with active():
        module = parse(FUNCTION.format(step=step))
        keep_in_bytes(module)
        module.operation.verify()
        return module, str(module)


def test_memory_holds_bytes_and_bodies_compute_with_bits() -> None:
    module, text = kept()
    assert "xi1>" not in text
    assert "(%arg0: tensor<6xi8>, %arg1: tensor<6xf32>) -> (tensor<6xi8>, tensor<6xf32>)" in text
    names = [op.name for op in operations(module.operation)]
    assert names.count("arith.trunci") == 2
    assert names.count("arith.extui") == 2  # of what clears, and of the result


def test_a_program_that_does_more_with_them_stays_as_it_is() -> None:
    _, text = kept(GENERATED)
    assert "xi8>" not in text


def test_what_is_put_around_them_and_beside_them_is_bytes_too() -> None:
    text = """
func.func @f(%mask: tensor<6xi1>) -> tensor<24xi1> {
  %yes = arith.constant true
  %wide = tensor.pad %mask low[2] high[4] { ^bb0(%i: index): tensor.yield %yes : i1 } : tensor<6xi1> to tensor<12xi1>
  %both = tensor.concat dim(0) %wide, %wide : (tensor<12xi1>, tensor<12xi1>) -> tensor<24xi1>
  %y = tensor.insert_slice %mask into %both[9] [6] [1] : tensor<6xi1> into tensor<24xi1>
  return %y : tensor<24xi1>
}"""
    with active():
        module = parse(text)
        keep_in_bytes(module)
        assert module.operation.verify()
        assert "xi1>" not in str(module)
