func.func @depthwise(%image: tensor<2x11x23x20xf32>, %filters: tensor<3x3x20xf32>) -> tensor<2x5x11x20xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2x5x11x20xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x5x11x20xf32>) -> tensor<2x5x11x20xf32>
  %result = linalg.depthwise_conv_2d_nhwc_hwc {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
    ins(%image, %filters : tensor<2x11x23x20xf32>, tensor<3x3x20xf32>) outs(%start : tensor<2x5x11x20xf32>) -> tensor<2x5x11x20xf32>
  return %result : tensor<2x5x11x20xf32>
}
