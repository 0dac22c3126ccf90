"""Where bfloat16 is widened and rounded in a program, and which products can read it themselves."""

from __future__ import annotations

from typing import Any

from mlopt.backend.mlir.bindings import ir
from mlopt.backend.mlir.payload.bfloat16 import can_narrow, narrow_products, widen_sums
from mlopt.backend.mlir.payload.frontend import finish, generalize, parse, prepare
from mlopt.backend.mlir.payload.nest import LoopNest
from mlopt.backend.mlir.payload.product import Product
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.mlp.workload import Mlp

MIXED = """
func.func @mixed(%a: tensor<32x48xbf16>, %b: tensor<48x64xbf16>) -> tensor<32x64xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<32x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<32x64xf32>) -> tensor<32x64xf32>
  %c = linalg.matmul ins(%a, %b : tensor<32x48xbf16>, tensor<48x64xbf16>)
                     outs(%init : tensor<32x64xf32>) -> tensor<32x64xf32>
  return %c : tensor<32x64xf32>
}
"""


def prepared(source: str) -> Any:
    module = parse(source)
    prepare(module)
    return module


def products(nests: tuple[LoopNest, ...]) -> list[Product]:
    return [product for nest in nests if (product := Product.find(nest))]


def dtypes(product: Product) -> list[str]:
    return [access.dtype for access in product.nest.inputs]


def test_a_product_that_widens_in_its_body_reads_operands_that_are_widened_before() -> None:
    nests = finish(prepared(MIXED))
    (product,) = products(nests)
    assert dtypes(product) == ["f32", "f32"]
    assert product.nest.operations == ("arith.mulf", "arith.addf")
    assert [nest.inputs[0].dtype for nest in nests if nest.tag.startswith("map")] == ["bf16", "bf16"]


def test_a_sum_to_bfloat16_is_a_product_of_float32_that_is_rounded_at_the_end() -> None:
    module = parse(MIXED.replace("f32", "bf16"))
    with module.context, ir.Location.unknown(module.context):
        generalize(module)
        widen_sums(module)
        prepare(module)
        nests = finish(module)
    (product,) = products(nests)
    assert product.nest.outputs[0].dtype == "f32"
    assert nests[-1].outputs[0].dtype == "bf16"


def test_only_bfloat16_is_multiplied_in_pairs() -> None:
    assert can_narrow(prepared(MIXED))
    assert not can_narrow(prepared(MIXED.replace("bf16", "f16")))


def test_a_widened_vector_is_widened_where_it_is_read() -> None:
    nests = finish(prepared(Mlp(m=32, d_model=16, d_ff=48, dtype="bf16").source("mlir")))
    widened = [nest for nest in nests if nest.inputs[0].dtype == "bf16" and nest.outputs[0].dtype != "bf16"]
    assert sorted(len(nest.inputs[0].shape) for nest in widened if len(nest.inputs) == 1) == [2, 2, 2]  # but no bias


def test_a_final_rounding_is_a_nest_of_its_own() -> None:
    nests = finish(prepared(Mlp(m=32, d_model=16, d_ff=48, dtype="bf16").source("mlir")))
    (rounding,) = [nest for nest in nests if nest.outputs[0].dtype == "bf16"]
    assert [access.dtype for access in rounding.inputs] == ["f32"]
    assert not rounding.consumers


def test_narrowed_products_read_bfloat16_in_pairs() -> None:
    for source in (MIXED, Matmul(m=32, n=64, k=48, dtype="bf16").source("mlir")):
        module = prepared(source)
        assert can_narrow(module)
        narrow_products(module)
        (product,) = products(finish(module))
        assert dtypes(product) == ["bf16", "bf16"]
        assert product.pairs
        assert len(product.packed) == 2


def test_an_operand_that_was_computed_is_rounded_for_its_product() -> None:
    module = prepared(Mlp(m=32, d_model=16, d_ff=48, dtype="bf16").source("mlir"))
    narrow_products(module)
    found = products(finish(module))
    assert [dtypes(product) for product in found] == [["bf16", "bf16"]] * 2


def test_float32_is_never_narrowed() -> None:
    assert not can_narrow(prepared(Mlp(m=32, d_model=16, d_ff=48).source("mlir")))
