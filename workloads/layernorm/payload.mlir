#each = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>
#rows = affine_map<(i) -> (i)>
func.func @layernorm(%x: tensor<${rows}x${cols}xf32>, %gamma: tensor<${cols}xf32>, %beta: tensor<${cols}xf32>)
    -> tensor<${rows}x${cols}xf32> {
  %zero = arith.constant 0.0 : f32
  %count = arith.constant ${cols}.0 : f32
  %epsilon = arith.constant 1.0e-5 : f32
  %empty = tensor.empty() : tensor<${rows}x${cols}xf32>
  %empty_rows = tensor.empty() : tensor<${rows}xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty_rows : tensor<${rows}xf32>) -> tensor<${rows}xf32>
  %sum = linalg.generic {indexing_maps = [#each, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<${rows}x${cols}xf32>) outs(%zeros : tensor<${rows}xf32>) {
  ^bb0(%in: f32, %total: f32):
    %next = arith.addf %total, %in : f32
    linalg.yield %next : f32
  } -> tensor<${rows}xf32>
  %mean = linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel"]}
      ins(%sum : tensor<${rows}xf32>) outs(%empty_rows : tensor<${rows}xf32>) {
  ^bb0(%total: f32, %out: f32):
    %average = arith.divf %total, %count : f32
    linalg.yield %average : f32
  } -> tensor<${rows}xf32>
  %squares = linalg.generic {indexing_maps = [#each, #row, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x, %mean : tensor<${rows}x${cols}xf32>, tensor<${rows}xf32>) outs(%zeros : tensor<${rows}xf32>) {
  ^bb0(%in: f32, %average: f32, %total: f32):
    %deviation = arith.subf %in, %average : f32
    %square = arith.mulf %deviation, %deviation : f32
    %next = arith.addf %total, %square : f32
    linalg.yield %next : f32
  } -> tensor<${rows}xf32>
  %scale = linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel"]}
      ins(%squares : tensor<${rows}xf32>) outs(%empty_rows : tensor<${rows}xf32>) {
  ^bb0(%total: f32, %out: f32):
    %variance = arith.divf %total, %count : f32
    %above_zero = arith.addf %variance, %epsilon : f32
    %inverse = math.rsqrt %above_zero : f32
    linalg.yield %inverse : f32
  } -> tensor<${rows}xf32>
  %y = linalg.generic {indexing_maps = [#each, #row, #row, #column, #column, #each],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x, %mean, %scale, %gamma, %beta : tensor<${rows}x${cols}xf32>, tensor<${rows}xf32>, tensor<${rows}xf32>,
          tensor<${cols}xf32>, tensor<${cols}xf32>)
      outs(%empty : tensor<${rows}x${cols}xf32>) {
  ^bb0(%in: f32, %average: f32, %inverse: f32, %factor: f32, %shift: f32, %out: f32):
    %deviation = arith.subf %in, %average : f32
    %normal = arith.mulf %deviation, %inverse : f32
    %scaled = arith.mulf %normal, %factor : f32
    %shifted = arith.addf %scaled, %shift : f32
    linalg.yield %shifted : f32
  } -> tensor<${rows}x${cols}xf32>
  return %y : tensor<${rows}x${cols}xf32>
}
