// A nest of three results, sums and a maximum, of what is computed before it, and read by what is computed after it.
func.func @moments(%x: tensor<6x5x43xf32>) -> tensor<6x5x43xf32> {
  %zero = arith.constant 0.0 : f32
  %least = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<6x5x43xf32>
  %y = linalg.tanh ins(%x : tensor<6x5x43xf32>) outs(%empty : tensor<6x5x43xf32>) -> tensor<6x5x43xf32>
  %rows = tensor.empty() : tensor<6x5xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%rows : tensor<6x5xf32>) -> tensor<6x5xf32>
  %start = linalg.fill ins(%least : f32) outs(%rows : tensor<6x5xf32>) -> tensor<6x5xf32>
  %moments:3 = linalg.generic {
    indexing_maps = [affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (i, j)>,
                     affine_map<(i, j, k) -> (i, j)>, affine_map<(i, j, k) -> (i, j)>],
    iterator_types = ["parallel", "parallel", "reduction"]
  } ins(%y : tensor<6x5x43xf32>) outs(%clear, %start, %clear : tensor<6x5xf32>, tensor<6x5xf32>, tensor<6x5xf32>) {
  ^bb0(%in: f32, %sum: f32, %most: f32, %squares: f32):
    %square = arith.mulf %in, %in : f32
    %s = arith.addf %sum, %in : f32
    %m = arith.maximumf %most, %in : f32
    %q = arith.addf %squares, %square : f32
    linalg.yield %s, %m, %q : f32, f32, f32
  } -> (tensor<6x5xf32>, tensor<6x5xf32>, tensor<6x5xf32>)
  %z = linalg.generic {
    indexing_maps = [affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (i, j)>,
                     affine_map<(i, j, k) -> (i, j)>, affine_map<(i, j, k) -> (i, j)>,
                     affine_map<(i, j, k) -> (i, j, k)>],
    iterator_types = ["parallel", "parallel", "parallel"]
  } ins(%y, %moments#0, %moments#1, %moments#2
        : tensor<6x5x43xf32>, tensor<6x5xf32>, tensor<6x5xf32>, tensor<6x5xf32>) outs(%empty : tensor<6x5x43xf32>) {
  ^bb0(%in: f32, %sum: f32, %most: f32, %squares: f32, %out: f32):
    %less = arith.subf %in, %most : f32
    %scaled = arith.mulf %less, %squares : f32
    %shifted = arith.addf %scaled, %sum : f32
    linalg.yield %shifted : f32
  } -> tensor<6x5x43xf32>
  return %z : tensor<6x5x43xf32>
}
