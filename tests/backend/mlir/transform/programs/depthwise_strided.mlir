func.func @strided(%image: tensor<2x5x11x23xf32>, %filters: tensor<5x3x3xf32>) -> tensor<2x5x5x11xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2x5x5x11xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x5x5x11xf32>) -> tensor<2x5x5x11xf32>
  %result = linalg.depthwise_conv_2d_nchw_chw {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
    ins(%image, %filters : tensor<2x5x11x23xf32>, tensor<5x3x3xf32>) outs(%start : tensor<2x5x5x11xf32>) -> tensor<2x5x5x11xf32>
  return %result : tensor<2x5x5x11xf32>
}
