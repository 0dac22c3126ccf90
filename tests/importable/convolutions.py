"""Convolutions in MLIR as users might write them."""

from __future__ import annotations

from string import Template

CONVOLUTION = Template("""
#image = affine_map<(g, f, h, w, c, i, j) -> (g, c, $h + i, $w + j)>
#filters = affine_map<(g, f, h, w, c, i, j) -> (g, f, c, i, j)>
#result = affine_map<(g, f, h, w, c, i, j) -> (g, f, h, w)>
#same = affine_map<(g, f, h, w) -> (g, f, h, w)>
func.func @convolution(%x: tensor<2x16x${size}x${size}xf32>, %w: tensor<2x8x16x3x3xf32>) -> tensor<2x8x8x8xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2x8x8x8xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x8x8x8xf32>) -> tensor<2x8x8x8xf32>
  %c = linalg.generic {indexing_maps = [#image, #filters, #result],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : tensor<2x16x${size}x${size}xf32>, tensor<2x8x16x3x3xf32>) outs(%clear : tensor<2x8x8x8xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %sum, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x8x8x8xf32>
  %y = linalg.generic {indexing_maps = [#same, #same],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c : tensor<2x8x8x8xf32>) outs(%empty : tensor<2x8x8x8xf32>) {
  ^bb0(%a: f32, %old: f32):
    %r = arith.maximumf %a, %zero : f32
    linalg.yield %r : f32
  } -> tensor<2x8x8x8xf32>
  return %y : tensor<2x8x8x8xf32>
}
""")

GROUPED = CONVOLUTION.substitute(h="h", w="w", size=10)
"""Two groups of 16 channels and 8 filters, then the larger of each element and zero."""

OFFSET = CONVOLUTION.substitute(h="h", w="w + 1", size=11)
"""The same, but for the first column of the image."""

STRIDED = CONVOLUTION.substitute(h="2 * h", w="w", size=17).replace("17x17", "17x10")
"""The same, for every other row of the image."""
