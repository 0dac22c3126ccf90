#each = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
func.func @softmax(%x: tensor<${rows}x${cols}xf32>) -> tensor<${rows}x${cols}xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<${rows}x${cols}xf32>
  %empty_rows = tensor.empty() : tensor<${rows}xf32>
  %lowests = linalg.fill ins(%lowest : f32) outs(%empty_rows : tensor<${rows}xf32>) -> tensor<${rows}xf32>
  %max = linalg.generic {indexing_maps = [#each, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<${rows}x${cols}xf32>) outs(%lowests : tensor<${rows}xf32>) {
  ^bb0(%in: f32, %most: f32):
    %larger = arith.maximumf %most, %in : f32
    linalg.yield %larger : f32
  } -> tensor<${rows}xf32>
  %exp = linalg.generic {indexing_maps = [#each, #row, #each], iterator_types = ["parallel", "parallel"]}
      ins(%x, %max : tensor<${rows}x${cols}xf32>, tensor<${rows}xf32>) outs(%empty : tensor<${rows}x${cols}xf32>) {
  ^bb0(%in: f32, %most: f32, %out: f32):
    %below = arith.subf %in, %most : f32
    %weight = math.exp %below : f32
    linalg.yield %weight : f32
  } -> tensor<${rows}x${cols}xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty_rows : tensor<${rows}xf32>) -> tensor<${rows}xf32>
  %sum = linalg.generic {indexing_maps = [#each, #row], iterator_types = ["parallel", "reduction"]}
      ins(%exp : tensor<${rows}x${cols}xf32>) outs(%zeros : tensor<${rows}xf32>) {
  ^bb0(%weight: f32, %total: f32):
    %next = arith.addf %total, %weight : f32
    linalg.yield %next : f32
  } -> tensor<${rows}xf32>
  %y = linalg.generic {indexing_maps = [#each, #row, #each], iterator_types = ["parallel", "parallel"]}
      ins(%exp, %sum : tensor<${rows}x${cols}xf32>, tensor<${rows}xf32>) outs(%empty : tensor<${rows}x${cols}xf32>) {
  ^bb0(%weight: f32, %total: f32, %out: f32):
    %share = arith.divf %weight, %total : f32
    linalg.yield %share : f32
  } -> tensor<${rows}x${cols}xf32>
  return %y : tensor<${rows}x${cols}xf32>
}
