// Margins around images, and nothing else.
func.func @main(%x: tensor<2x3x13x17xf32>) -> tensor<2x3x16x24xf32> {
  %z = arith.constant 1.5 : f32
  %p = tensor.pad %x low[0, 0, 1, 3] high[0, 0, 2, 4] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %z : f32
  } : tensor<2x3x13x17xf32> to tensor<2x3x16x24xf32>
  return %p : tensor<2x3x16x24xf32>
}
