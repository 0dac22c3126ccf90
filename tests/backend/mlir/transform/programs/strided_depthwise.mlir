// A depthwise convolution in nchw that is padded by two and moves by two.
func.func @strided_depthwise(%x: tensor<1x6x9x17xf32>, %w: tensor<6x5x5xf32>) -> tensor<1x6x5x9xf32> {
  %zero = arith.constant 0.0 : f32
  %padded = tensor.pad %x low[0, 0, 2, 2] high[0, 0, 2, 2] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<1x6x9x17xf32> to tensor<1x6x13x21xf32>
  %empty = tensor.empty() : tensor<1x6x5x9xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x6x5x9xf32>) -> tensor<1x6x5x9xf32>
  %y = linalg.depthwise_conv_2d_nchw_chw {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
    ins(%padded, %w : tensor<1x6x13x21xf32>, tensor<6x5x5xf32>)
    outs(%clear : tensor<1x6x5x9xf32>) -> tensor<1x6x5x9xf32>
  return %y : tensor<1x6x5x9xf32>
}
