// A convolution in the strict sense, whose result is written, and added to others that are read, backwards.
func.func @backwards(%x: tensor<3x24x4xf32>, %w: tensor<5x4x16xf32>, %v: tensor<35xf32>)
    -> (tensor<3x20x16xf32>, tensor<3x20x16xf32>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<3x20x16xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%empty : tensor<3x20x16xf32>) -> tensor<3x20x16xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(n, i, o, k, c) -> (n, i - k + 4, c)>,
                                        affine_map<(n, i, o, k, c) -> (k, c, o)>,
                                        affine_map<(n, i, o, k, c) -> (n, i, o)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : tensor<3x24x4xf32>, tensor<5x4x16xf32>) outs(%clear : tensor<3x20x16xf32>) {
  ^bb0(%in: f32, %tap: f32, %total: f32):
    %product = arith.mulf %in, %tap : f32
    %sum = arith.addf %total, %product : f32
    linalg.yield %sum : f32
  } -> tensor<3x20x16xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(n, i, o) -> (n, i, o)>, affine_map<(n, i, o) -> (n, 19 - i, o)>,
                                        affine_map<(n, i, o) -> (i - o + 15)>, affine_map<(n, i, o) -> (n, i, 15 - o)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%y, %y, %v : tensor<3x20x16xf32>, tensor<3x20x16xf32>, tensor<35xf32>) outs(%empty : tensor<3x20x16xf32>) {
  ^bb0(%in: f32, %turned: f32, %diagonal: f32, %out: f32):
    %column = linalg.index 2 : index
    %whole = arith.index_cast %column : index to i32
    %number = arith.sitofp %whole : i32 to f32
    %sum = arith.addf %in, %number : f32
    %more = arith.addf %sum, %diagonal : f32
    %product = arith.mulf %more, %turned : f32
    linalg.yield %product : f32
  } -> tensor<3x20x16xf32>
  return %y, %z : tensor<3x20x16xf32>, tensor<3x20x16xf32>
}
