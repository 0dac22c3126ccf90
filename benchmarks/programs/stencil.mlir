// One step of the heat equation on a line: y[i] = x[i + 1] + (x[i] - 2 x[i + 1] + x[i + 2]) / 8.
func.func @stencil(%x: tensor<1048578xf32>) -> tensor<1048576xf32> {
  %two = arith.constant dense<2.0> : tensor<1048576xf32>
  %rate = arith.constant dense<0.125> : tensor<1048576xf32>
  %left = tensor.extract_slice %x[0] [1048576] [1] : tensor<1048578xf32> to tensor<1048576xf32>
  %middle = tensor.extract_slice %x[1] [1048576] [1] : tensor<1048578xf32> to tensor<1048576xf32>
  %right = tensor.extract_slice %x[2] [1048576] [1] : tensor<1048578xf32> to tensor<1048576xf32>
  %outer = arith.addf %left, %right : tensor<1048576xf32>
  %twice = arith.mulf %middle, %two : tensor<1048576xf32>
  %bend = arith.subf %outer, %twice : tensor<1048576xf32>
  %change = arith.mulf %bend, %rate : tensor<1048576xf32>
  %y = arith.addf %middle, %change : tensor<1048576xf32>
  return %y : tensor<1048576xf32>
}
