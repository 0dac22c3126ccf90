// A transposed convolution with stride 2 and filters of 3 by 3, as an importer writes it.
func.func @transposed(%x: tensor<1x5x4x6xf32>, %w: tensor<7x5x3x3xf32>) -> tensor<1x7x8x12xf32> {
  %zero = arith.constant 0.0 : f32
  %spaced = tensor.empty() : tensor<1x5x10x14xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%spaced : tensor<1x5x10x14xf32>) -> tensor<1x5x10x14xf32>
  %spread = tensor.insert_slice %x into %zeros[0, 0, 1, 1] [1, 5, 4, 6] [1, 1, 2, 2]
    : tensor<1x5x4x6xf32> into tensor<1x5x10x14xf32>
  %empty = tensor.empty() : tensor<1x7x8x12xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x7x8x12xf32>) -> tensor<1x7x8x12xf32>
  %y = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%spread, %w : tensor<1x5x10x14xf32>, tensor<7x5x3x3xf32>)
    outs(%clear : tensor<1x7x8x12xf32>) -> tensor<1x7x8x12xf32>
  return %y : tensor<1x7x8x12xf32>
}
