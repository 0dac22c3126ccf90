// Margins below zero cut off what others do not surround.
func.func @cut(%x: tensor<9x17xf32>) -> tensor<8x20xf32> {
  %two = arith.constant 2.0 : f32
  %y = tensor.pad %x low[-2, 4] high[1, -1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %two : f32
  } : tensor<9x17xf32> to tensor<8x20xf32>
  return %y : tensor<8x20xf32>
}
