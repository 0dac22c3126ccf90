"""Programs in MLIR as users might bring them."""

from __future__ import annotations

import numpy as np

HELPER = """
func.func private @silu(%x: tensor<6x24xf32>) -> tensor<6x24xf32> {
  %one = arith.constant dense<1.0> : tensor<6x24xf32>
  %negative = arith.negf %x : tensor<6x24xf32>
  %power = math.exp %negative : tensor<6x24xf32>
  %sum = arith.addf %power, %one : tensor<6x24xf32>
  %y = arith.divf %x, %sum : tensor<6x24xf32>
  return %y : tensor<6x24xf32>
}
"""
GATED = (
    HELPER
    + """
func.func @gated(%x: tensor<6x16xf32>, %w: tensor<16x24xf32>, %v: tensor<16x24xf32>)
    -> (tensor<6x24xf32>, tensor<6x24xf32>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<6x24xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%empty : tensor<6x24xf32>) -> tensor<6x24xf32>
  %a = linalg.matmul ins(%x, %w : tensor<6x16xf32>, tensor<16x24xf32>)
    outs(%clear : tensor<6x24xf32>) -> tensor<6x24xf32>
  %b = linalg.matmul ins(%x, %v : tensor<6x16xf32>, tensor<16x24xf32>)
    outs(%clear : tensor<6x24xf32>) -> tensor<6x24xf32>
  %gate = call @silu(%a) : (tensor<6x24xf32>) -> tensor<6x24xf32>
  %y = arith.mulf %gate, %b : tensor<6x24xf32>
  return %y, %gate : tensor<6x24xf32>, tensor<6x24xf32>
}
func.func @other(%x: tensor<3xf64>) -> tensor<3xf64> {
  %y = math.sqrt %x : tensor<3xf64>
  return %y : tensor<3xf64>
}
"""
)
"""A gated product: silu(x w) * (x v), and the gate; its helper is another function."""

DEPTHWISE = """
func.func @depthwise(%x: tensor<1x6x8x8xf32>, %w: tensor<6x3x3xf32>) -> tensor<1x6x8x8xf32> {
  %zero = arith.constant 0.0 : f32
  %padded = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<1x6x8x8xf32> to tensor<1x6x10x10xf32>
  %empty = tensor.empty() : tensor<1x6x8x8xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x6x8x8xf32>) -> tensor<1x6x8x8xf32>
  %y = linalg.depthwise_conv_2d_nchw_chw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%padded, %w : tensor<1x6x10x10xf32>, tensor<6x3x3xf32>)
    outs(%clear : tensor<1x6x8x8xf32>) -> tensor<1x6x8x8xf32>
  return %y : tensor<1x6x8x8xf32>
}
"""

TRANSPOSED = """
func.func @transposed(%x: tensor<16x32xf32>, %b: tensor<16xf32>) -> (tensor<32x16xf32>, tensor<32xf32>) {
  %start = arith.constant dense<0.1> : tensor<32xf32>
  %empty = tensor.empty() : tensor<32x16xf32>
  %t = linalg.transpose ins(%x : tensor<16x32xf32>) outs(%empty : tensor<32x16xf32>) permutation = [1, 0]
  %r = linalg.broadcast ins(%b : tensor<16xf32>) outs(%empty : tensor<32x16xf32>) dimensions = [0]
  %s = linalg.add ins(%t, %r : tensor<32x16xf32>, tensor<32x16xf32>)
    outs(%empty : tensor<32x16xf32>) -> tensor<32x16xf32>
  %sum = linalg.reduce { arith.addf } ins(%s : tensor<32x16xf32>) outs(%start : tensor<32xf32>) dimensions = [1]
  return %s, %sum : tensor<32x16xf32>, tensor<32xf32>
}
"""

INTEGERS = """
func.func @integers(%a: tensor<8x16xi32>, %b: tensor<16x16xi32>) -> tensor<8x16xi32> {
  %zero = arith.constant 0 : i32
  %empty = tensor.empty() : tensor<8x16xi32>
  %clear = linalg.fill ins(%zero : i32) outs(%empty : tensor<8x16xi32>) -> tensor<8x16xi32>
  %y = linalg.matmul ins(%a, %b : tensor<8x16xi32>, tensor<16x16xi32>)
    outs(%clear : tensor<8x16xi32>) -> tensor<8x16xi32>
  return %y : tensor<8x16xi32>
}
"""

DOUBLE = """
func.func @double(%x: tensor<8x16xf64>, %scale: tensor<f64>) -> tensor<8x16xf64> {
  %factor = tensor.extract %scale[] : tensor<f64>
  %all = tensor.splat %factor : tensor<8x16xf64>
  %scaled = arith.mulf %x, %all : tensor<8x16xf64>
  %y = math.tanh %scaled : tensor<8x16xf64>
  return %y : tensor<8x16xf64>
}
"""

COMPLEX = """
func.func @complex(%a: tensor<8x16xcomplex<f32>>, %b: tensor<16x8xcomplex<f32>>) -> tensor<8x8xcomplex<f32>> {
  %zero = complex.constant [0.0 : f32, 0.0 : f32] : complex<f32>
  %empty = tensor.empty() : tensor<8x8xcomplex<f32>>
  %clear = linalg.fill ins(%zero : complex<f32>) outs(%empty : tensor<8x8xcomplex<f32>>) -> tensor<8x8xcomplex<f32>>
  %y = linalg.matmul ins(%a, %b : tensor<8x16xcomplex<f32>>, tensor<16x8xcomplex<f32>>)
    outs(%clear : tensor<8x8xcomplex<f32>>) -> tensor<8x8xcomplex<f32>>
  return %y : tensor<8x8xcomplex<f32>>
}
"""

ACCUMULATED = """
func.func @accumulated(%a: tensor<8x16xf32>, %b: tensor<16x24xf32>, %c: tensor<8x24xf32>) -> tensor<8x24xf32> {
  %y = linalg.matmul ins(%a, %b : tensor<8x16xf32>, tensor<16x24xf32>)
    outs(%c : tensor<8x24xf32>) -> tensor<8x24xf32>
  return %y : tensor<8x24xf32>
}
"""
"""A product that is added to an argument, which must be left as it was."""

SOFTMAX = """
func.func @softmax(%x: tensor<8x32xf32>) -> tensor<8x32xf32> {
  %empty = tensor.empty() : tensor<8x32xf32>
  %y = linalg.softmax dimension(1) ins(%x : tensor<8x32xf32>) outs(%empty : tensor<8x32xf32>) -> tensor<8x32xf32>
  return %y : tensor<8x32xf32>
}
"""

BITS = """
func.func @bits(%x: tensor<8x32xf32>) -> tensor<8x32xf32> {
  %mask = arith.constant dense<2147483647> : tensor<8x32xi32>
  %bits = arith.bitcast %x : tensor<8x32xf32> to tensor<8x32xi32>
  %positive = arith.andi %bits, %mask : tensor<8x32xi32>
  %y = arith.bitcast %positive : tensor<8x32xi32> to tensor<8x32xf32>
  return %y : tensor<8x32xf32>
}
"""
"""The magnitude of each number, by its bits: there is no such program in float64."""

SMALL_FLOATS = """
func.func @small_floats(%a: tensor<6x16xbf16>, %b: tensor<16x24xbf16>, %x: tensor<4x700xf16>)
    -> (tensor<6x24xbf16>, tensor<4xf16>, tensor<6x16xbf16>) {
  %zero = arith.constant 0.0 : bf16
  %half = arith.constant 0.0 : f16
  %empty = tensor.empty() : tensor<6x24xbf16>
  %clear = linalg.fill ins(%zero : bf16) outs(%empty : tensor<6x24xbf16>) -> tensor<6x24xbf16>
  %y = linalg.matmul ins(%a, %b : tensor<6x16xbf16>, tensor<16x24xbf16>)
    outs(%clear : tensor<6x24xbf16>) -> tensor<6x24xbf16>
  %rows = tensor.empty() : tensor<4xf16>
  %start = linalg.fill ins(%half : f16) outs(%rows : tensor<4xf16>) -> tensor<4xf16>
  %size = math.absf %x : tensor<4x700xf16>
  %sum = linalg.reduce { arith.addf } ins(%size : tensor<4x700xf16>) outs(%start : tensor<4xf16>) dimensions = [1]
  %z = math.tanh %a : tensor<6x16xbf16>
  return %y, %sum, %z : tensor<6x24xbf16>, tensor<4xf16>, tensor<6x16xbf16>
}
"""
"""A product and arithmetic of bfloat16, and a sum of float16 that would stop to grow if each term were rounded."""

PADDED = """
func.func @padded(%x: tensor<4x16xf32>) -> tensor<7x1xf32> {
  %zero = arith.constant 0.0 : f32
  %two = arith.constant 2.0 : f32
  %wide = tensor.pad %x low[1, 0] high[2, 3] {
  ^bb0(%i: index, %j: index):
    tensor.yield %two : f32
  } : tensor<4x16xf32> to tensor<7x19xf32>
  %empty = tensor.empty() : tensor<7x1xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%empty : tensor<7x1xf32>) -> tensor<7x1xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, 0)>],
                       iterator_types = ["parallel", "reduction"]}
      ins(%wide : tensor<7x19xf32>) outs(%clear : tensor<7x1xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %square = arith.mulf %in, %in : f32
    %more = arith.addf %sum, %square : f32
    linalg.yield %more : f32
  } -> tensor<7x1xf32>
  return %y : tensor<7x1xf32>
}
"""
"""Sums of squares that keep their dimension, of rows with a different margin of twos on each side."""

WEIGHTS = (np.arange(24 * 16, dtype=np.float32).reshape(24, 16) - 200) / 64
WEIGHTED = f"""
func.func @weighted(%x: tensor<8x16xf32>) -> tensor<8x24xf32> {{
  %w = arith.constant dense<"0x{WEIGHTS.tobytes().hex()}"> : tensor<24x16xf32>
  %b = arith.constant dense<"0x{WEIGHTS[:, 3].tobytes().hex()}"> : tensor<24xf32>
  %zero = arith.constant 0.0 : f32
  %transposed = tensor.empty() : tensor<16x24xf32>
  %empty = tensor.empty() : tensor<8x24xf32>
  %t = linalg.transpose ins(%w : tensor<24x16xf32>) outs(%transposed : tensor<16x24xf32>) permutation = [1, 0]
  %clear = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x24xf32>) -> tensor<8x24xf32>
  %xw = linalg.matmul ins(%x, %t : tensor<8x16xf32>, tensor<16x24xf32>)
    outs(%clear : tensor<8x24xf32>) -> tensor<8x24xf32>
  %all = linalg.broadcast ins(%b : tensor<24xf32>) outs(%empty : tensor<8x24xf32>) dimensions = [0]
  %y = linalg.add ins(%xw, %all : tensor<8x24xf32>, tensor<8x24xf32>)
    outs(%empty : tensor<8x24xf32>) -> tensor<8x24xf32>
  return %y : tensor<8x24xf32>
}}
"""
"""A linear layer whose weights are constants, one of them large, stored the other way round."""

HALVES = """
func.func @halves(%x: tensor<8x24xf16>, %y: tensor<24xf16>) -> tensor<8x24xf16> {
  %empty = tensor.empty() : tensor<8x24xf16>
  %rows = linalg.broadcast ins(%y : tensor<24xf16>) outs(%empty : tensor<8x24xf16>) dimensions = [0]
  %sum = arith.addf %x, %rows : tensor<8x24xf16>
  %z = math.tanh %sum : tensor<8x24xf16>
  return %z : tensor<8x24xf16>
}
"""

MASK = np.tril(np.ones((40, 32), bool))
MASKED = f"""
func.func @masked(%x: tensor<40x32xf32>, %chosen: tensor<32xi1>) -> (tensor<40x32xf32>, tensor<40x32xi1>) {{
  %mask = arith.constant dense<{str(MASK.tolist()).lower()}> : tensor<40x32xi1>
  %low = arith.constant dense<-1.0> : tensor<40x32xf32>
  %empty = tensor.empty() : tensor<40x32xi1>
  %rows = linalg.broadcast ins(%chosen : tensor<32xi1>) outs(%empty : tensor<40x32xi1>) dimensions = [0]
  %seen = arith.andi %mask, %rows : tensor<40x32xi1>
  %y = arith.select %seen, %x, %low : tensor<40x32xi1>, tensor<40x32xf32>
  return %y, %seen : tensor<40x32xf32>, tensor<40x32xi1>
}}
"""
"""Booleans as a large constant, as an argument and as a result."""

FACTORS = (np.arange(256) % 7 - 3 + 1j * (np.arange(256) % 5 - 2)).astype(np.complex64).reshape(16, 16)
ROTATED = f"""
func.func @rotated(%a: tensor<8x16xcomplex<f32>>) -> tensor<8x16xcomplex<f32>> {{
  %w = arith.constant dense<"0x{FACTORS.tobytes().hex()}"> : tensor<16x16xcomplex<f32>>
  %zero = complex.constant [0.0 : f32, 0.0 : f32] : complex<f32>
  %empty = tensor.empty() : tensor<8x16xcomplex<f32>>
  %clear = linalg.fill ins(%zero : complex<f32>) outs(%empty : tensor<8x16xcomplex<f32>>)
    -> tensor<8x16xcomplex<f32>>
  %y = linalg.matmul ins(%a, %w : tensor<8x16xcomplex<f32>>, tensor<16x16xcomplex<f32>>)
    outs(%clear : tensor<8x16xcomplex<f32>>) -> tensor<8x16xcomplex<f32>>
  return %y : tensor<8x16xcomplex<f32>>
}}
"""
"""A product with a large complex constant."""

MULTIPLIED = f"""
func.func @multiplied(%a: tensor<16x16xcomplex<f32>>) -> tensor<16x16xcomplex<f32>> {{
  %w = arith.constant dense<"0x{FACTORS.tobytes().hex()}"> : tensor<16x16xcomplex<f32>>
  %empty = tensor.empty() : tensor<16x16xcomplex<f32>>
  %y = linalg.map {{ complex.mul }} ins(%a, %w : tensor<16x16xcomplex<f32>>, tensor<16x16xcomplex<f32>>)
    outs(%empty : tensor<16x16xcomplex<f32>>)
  return %y : tensor<16x16xcomplex<f32>>
}}
"""
"""The same element by element, so that complex numbers stay what they are."""

ENLARGED = """
func.func @enlarged(%x: tensor<6x8xf32>, %w: tensor<3xf32>) -> tensor<12x24xf32> {
  %empty = tensor.empty() : tensor<12x24xf32>
  %power = math.exp %x : tensor<6x8xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i floordiv 2, j floordiv 3)>,
                                        affine_map<(i, j) -> (j mod 3)>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%power, %w : tensor<6x8xf32>, tensor<3xf32>) outs(%empty : tensor<12x24xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %scaled = arith.mulf %in, %weight : f32
    linalg.yield %scaled : f32
  } -> tensor<12x24xf32>
  return %y : tensor<12x24xf32>
}
"""
"""An image with every pixel repeated, and its columns weighted in turn."""

ALL = {
    "gated": GATED,
    "depthwise": DEPTHWISE,
    "transposed": TRANSPOSED,
    "integers": INTEGERS,
    "double": DOUBLE,
    "complex": COMPLEX,
    "accumulated": ACCUMULATED,
    "softmax": SOFTMAX,
    "bits": BITS,
    "weighted": WEIGHTED,
    "padded": PADDED,
    "masked": MASKED,
    "rotated": ROTATED,
    "multiplied": MULTIPLIED,
    "enlarged": ENLARGED,
}
