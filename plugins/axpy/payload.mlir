#each = affine_map<(i) -> (i)>
func.func @axpy(%x: tensor<${n}xf32>, %y: tensor<${n}xf32>) -> tensor<${n}xf32> {
  %alpha = arith.constant ${alpha} : f32
  %empty = tensor.empty() : tensor<${n}xf32>
  %z = linalg.generic {indexing_maps = [#each, #each, #each], iterator_types = ["parallel"]}
      ins(%x, %y : tensor<${n}xf32>, tensor<${n}xf32>) outs(%empty : tensor<${n}xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %product = arith.mulf %alpha, %a : f32
    %sum = arith.addf %product, %b : f32
    linalg.yield %sum : f32
  } -> tensor<${n}xf32>
  return %z : tensor<${n}xf32>
}
