// Rows divided by their root mean square, scaled, then a linear layer.
#row = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>
#all = affine_map<(i, j) -> (i, j)>
func.func @rmsnorm_linear(%x: tensor<512x1024xf32>, %g: tensor<1024xf32>, %w: tensor<1024x1024xf32>)
    -> tensor<512x1024xf32> {
  %zero = arith.constant 0.0 : f32
  %count = arith.constant 1024.0 : f32
  %epsilon = arith.constant 1.0e-6 : f32
  %rows = tensor.empty() : tensor<512xf32>
  %empty = tensor.empty() : tensor<512x1024xf32>
  %none = linalg.fill ins(%zero : f32) outs(%rows : tensor<512xf32>) -> tensor<512xf32>
  %squares = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<512x1024xf32>) outs(%none : tensor<512xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %square = arith.mulf %in, %in : f32
    %more = arith.addf %sum, %square : f32
    linalg.yield %more : f32
  } -> tensor<512xf32>
  %factors = linalg.map ins(%squares : tensor<512xf32>) outs(%rows : tensor<512xf32>) (%in: f32, %out: f32) {
    %mean = arith.divf %in, %count : f32
    %shifted = arith.addf %mean, %epsilon : f32
    %factor = math.rsqrt %shifted : f32
    linalg.yield %factor : f32
  }
  %scaled = linalg.generic {indexing_maps = [#all, #row, #column, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %factors, %g : tensor<512x1024xf32>, tensor<512xf32>, tensor<1024xf32>)
      outs(%empty : tensor<512x1024xf32>) {
  ^bb0(%in: f32, %factor: f32, %weight: f32, %out: f32):
    %unit = arith.mulf %in, %factor : f32
    %y = arith.mulf %unit, %weight : f32
    linalg.yield %y : f32
  } -> tensor<512x1024xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%empty : tensor<512x1024xf32>) -> tensor<512x1024xf32>
  %y = linalg.matmul ins(%scaled, %w : tensor<512x1024xf32>, tensor<1024x1024xf32>)
    outs(%clear : tensor<512x1024xf32>) -> tensor<512x1024xf32>
  return %y : tensor<512x1024xf32>
}
