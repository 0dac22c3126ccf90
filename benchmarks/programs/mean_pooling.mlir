// The mean of each 2 x 2 window of images in nchw.
func.func @mean_pooling(%x: tensor<16x64x56x56xf32>) -> tensor<16x64x28x28xf32> {
  %zero = arith.constant 0.0 : f32
  %share = arith.constant dense<0.25> : tensor<16x64x28x28xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %empty = tensor.empty() : tensor<16x64x28x28xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%empty : tensor<16x64x28x28xf32>) -> tensor<16x64x28x28xf32>
  %sum = linalg.pooling_nchw_sum {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
    ins(%x, %window : tensor<16x64x56x56xf32>, tensor<2x2xf32>)
    outs(%clear : tensor<16x64x28x28xf32>) -> tensor<16x64x28x28xf32>
  %y = arith.mulf %sum, %share : tensor<16x64x28x28xf32>
  return %y : tensor<16x64x28x28xf32>
}
