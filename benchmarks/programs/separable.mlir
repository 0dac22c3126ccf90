// A depthwise separable convolution: 3 x 3 on each channel, ReLU, then a product of channels; nhwc, padded by one.
func.func @separable(%x: tensor<1x56x56x64xf32>, %k: tensor<3x3x64xf32>, %w: tensor<1x1x64x128xf32>)
    -> tensor<1x56x56x128xf32> {
  %zero = arith.constant 0.0 : f32
  %zeros = arith.constant dense<0.0> : tensor<1x56x56x64xf32>
  %padded = tensor.pad %x low[0, 1, 1, 0] high[0, 1, 1, 0] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<1x56x56x64xf32> to tensor<1x58x58x64xf32>
  %narrow = tensor.empty() : tensor<1x56x56x64xf32>
  %wide = tensor.empty() : tensor<1x56x56x128xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%narrow : tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  %depthwise = linalg.depthwise_conv_2d_nhwc_hwc {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%padded, %k : tensor<1x58x58x64xf32>, tensor<3x3x64xf32>)
    outs(%clear : tensor<1x56x56x64xf32>) -> tensor<1x56x56x64xf32>
  %relu = arith.maximumf %depthwise, %zeros : tensor<1x56x56x64xf32>
  %start = linalg.fill ins(%zero : f32) outs(%wide : tensor<1x56x56x128xf32>) -> tensor<1x56x56x128xf32>
  %y = linalg.conv_2d_nhwc_hwcf {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%relu, %w : tensor<1x56x56x64xf32>, tensor<1x1x64x128xf32>)
    outs(%start : tensor<1x56x56x128xf32>) -> tensor<1x56x56x128xf32>
  return %y : tensor<1x56x56x128xf32>
}
