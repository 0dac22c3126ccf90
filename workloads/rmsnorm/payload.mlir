#each = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>
#rows = affine_map<(i) -> (i)>
func.func @rmsnorm(%x: tensor<${rows}x${cols}xf32>, %gamma: tensor<${cols}xf32>) -> tensor<${rows}x${cols}xf32> {
  %zero = arith.constant 0.0 : f32
  %count = arith.constant ${cols}.0 : f32
  %epsilon = arith.constant 1.0e-5 : f32
  %empty = tensor.empty() : tensor<${rows}x${cols}xf32>
  %empty_rows = tensor.empty() : tensor<${rows}xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty_rows : tensor<${rows}xf32>) -> tensor<${rows}xf32>
  %squares = linalg.generic {indexing_maps = [#each, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<${rows}x${cols}xf32>) outs(%zeros : tensor<${rows}xf32>) {
  ^bb0(%in: f32, %total: f32):
    %square = arith.mulf %in, %in : f32
    %next = arith.addf %total, %square : f32
    linalg.yield %next : f32
  } -> tensor<${rows}xf32>
  %scale = linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel"]}
      ins(%squares : tensor<${rows}xf32>) outs(%empty_rows : tensor<${rows}xf32>) {
  ^bb0(%total: f32, %out: f32):
    %mean = arith.divf %total, %count : f32
    %above_zero = arith.addf %mean, %epsilon : f32
    %inverse = math.rsqrt %above_zero : f32
    linalg.yield %inverse : f32
  } -> tensor<${rows}xf32>
  %y = linalg.generic {indexing_maps = [#each, #row, #column, #each], iterator_types = ["parallel", "parallel"]}
      ins(%x, %scale, %gamma : tensor<${rows}x${cols}xf32>, tensor<${rows}xf32>, tensor<${cols}xf32>)
      outs(%empty : tensor<${rows}x${cols}xf32>) {
  ^bb0(%in: f32, %inverse: f32, %factor: f32, %out: f32):
    %normal = arith.mulf %in, %inverse : f32
    %scaled = arith.mulf %normal, %factor : f32
    linalg.yield %scaled : f32
  } -> tensor<${rows}x${cols}xf32>
  return %y : tensor<${rows}x${cols}xf32>
}
