"""What is computed in float64 between float32 becomes float32, where nothing but rounding changes."""

from __future__ import annotations

import pytest

from mlopt.backend.mlir.bindings import ir
from mlopt.backend.mlir.payload.detours import narrow

T, WIDE = "tensor<8xf32>", "tensor<8xf64>"


def program(body: str, result: str = T, argument: str = T) -> str:
    return f"func.func @f(%x: {argument}) -> {result} {{ {body} return %y : {result} }}"


def narrowed(text: str) -> str:
    with ir.Context(), ir.Location.unknown():
        module = ir.Module.parse(text)
        narrow(module)
        assert module.operation.verify()
        return str(module)


DETOUR = f"""
  %c = arith.constant dense<[1.5, 2.5, 0.1, 4.0, 5.0, 6.0, 7.0, 8.0]> : {WIDE}
  %one = arith.constant dense<0.1> : {WIDE}
  %w = arith.extf %x : {T} to {WIDE}
  %p = arith.mulf %w, %c : {WIDE}
  %s = arith.addf %p, %one : {WIDE}
  %y = arith.truncf %s : {WIDE} to {T}
"""


def test_a_detour_is_float32_with_the_same_constants() -> None:
    text = narrowed(program(DETOUR))
    assert not [word for word in ("f64", "extf", "truncf") if word in text]
    assert "dense<[1.500000e+00, 2.500000e+00, 1.000000e-01" in text
    assert "dense<1.000000e-01>" in text


def test_the_body_of_a_nest_is_narrowed_with_its_tensors() -> None:
    text = narrowed(
        program(f"""
  %empty = tensor.empty() : {WIDE}
  %w = linalg.generic
      {{indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}}
      ins(%x : {T}) outs(%empty : {WIDE}) {{
  ^bb0(%in: f32, %out: f64):
    %wide = arith.extf %in : f32 to f64
    %root = math.sqrt %wide : f64
    linalg.yield %root : f64
  }} -> {WIDE}
  %y = arith.truncf %w : {WIDE} to {T}""")
    )
    assert "f64" not in text
    assert "math.sqrt" in text


KEPT = {
    "what is returned": program(f"%y = arith.extf %x : {T} to {WIDE}", WIDE),
    "what is given": program(f"%y = arith.truncf %x : {WIDE} to {T}", T, WIDE),
    "a place that is computed": program(
        f"""
  %w = arith.extf %x : {T} to {WIDE}
  %i = arith.fptosi %w : {WIDE} to tensor<8xi64>
  %y = arith.sitofp %i : tensor<8xi64> to {T}"""
    ),
    "too large a constant": program(DETOUR.replace("dense<0.1>", "dense<1.0e200>")),
    "too small a constant": program(DETOUR.replace("2.5", "1.0e-50")),
}


@pytest.mark.parametrize("reason", KEPT)
def test_float64_is_kept_where_it_matters(reason: str) -> None:
    with ir.Context(), ir.Location.unknown():
        before = str(ir.Module.parse(KEPT[reason]))
    assert narrowed(KEPT[reason]) == before
