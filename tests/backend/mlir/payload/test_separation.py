"""A product after windows walks through all pixels by one loop; where that saves nothing, both stay together."""

from __future__ import annotations

from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.payload.nest import LoopNest

HIDDEN = "tensor<1x6x5x8xf32>"


def program(taps: int) -> str:
    """A depthwise convolution of 3 by 3, its ReLU, and a convolution of so many by so many pixels; nhwc."""
    weights, result = f"tensor<{taps}x{taps}x8x16xf32>", f"tensor<1x{7 - taps}x{6 - taps}x16xf32>"
    return f"""
func.func @f(%x: tensor<1x8x7x8xf32>, %k: tensor<3x3x8xf32>, %w: {weights}) -> {result} {{
  %zero = arith.constant 0.0 : f32
  %zeros = arith.constant dense<0.0> : {HIDDEN}
  %e = tensor.empty() : {HIDDEN}
  %e2 = tensor.empty() : {result}
  %clear = linalg.fill ins(%zero : f32) outs(%e : {HIDDEN}) -> {HIDDEN}
  %d = linalg.depthwise_conv_2d_nhwc_hwc ins(%x, %k : tensor<1x8x7x8xf32>, tensor<3x3x8xf32>)
    outs(%clear : {HIDDEN}) -> {HIDDEN}
  %h = arith.maximumf %d, %zeros : {HIDDEN}
  %start = linalg.fill ins(%zero : f32) outs(%e2 : {result}) -> {result}
  %y = linalg.conv_2d_nhwc_hwcf ins(%h, %w : {HIDDEN}, {weights}) outs(%start : {result}) -> {result}
  return %y : {result}
}}"""


def nests(taps: int) -> dict[str, LoopNest]:
    module = parse(program(taps))
    prepare(module)
    return {nest.tag: nest for nest in finish(module)}


def test_a_product_of_channels_walks_through_the_pixels_of_a_depthwise_convolution_by_one_loop() -> None:
    found = nests(taps=1)
    assert found["product1"].sizes == (30, 16, 8)
    assert found["product0"].sizes[:3] == (6, 5, 8)
    assert found["product0"].consumers == ("map0",)
    assert found["map0"].consumers == ()  # the wall


def test_a_second_convolution_of_windows_can_still_be_computed_with_the_first() -> None:
    assert nests(taps=2)["map0"].consumers == ("product1",)
