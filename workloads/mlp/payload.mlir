#each = affine_map<(i, j) -> (i, j)>
#column = affine_map<(i, j) -> (j)>
func.func @mlp(${argument_x}: ${type_x}, ${argument_w1}: ${type_w1}, ${argument_b1}: ${type_b1},
               ${argument_w2}: ${type_w2}, ${argument_b2}: ${type_b2}) -> ${result_type} {
  ${widen_x}
  ${widen_w1}
  ${widen_b1}
  ${widen_w2}
  ${widen_b2}
  %zero = arith.constant 0.0 : f32
  %half = arith.constant 0.5 : f32
  %one = arith.constant 1.0 : f32
  %cubic = arith.constant 0.044715 : f32
  %sqrt_2_over_pi = arith.constant 0.797884560802865356 : f32
  %empty_hidden = tensor.empty() : tensor<${m}x${d_ff}xf32>
  %zeros_hidden = linalg.fill ins(%zero : f32) outs(%empty_hidden : tensor<${m}x${d_ff}xf32>) -> tensor<${m}x${d_ff}xf32>
  %product1 = linalg.matmul ins(%x, %w1 : tensor<${m}x${d_model}xf32>, tensor<${d_model}x${d_ff}xf32>)
                            outs(%zeros_hidden : tensor<${m}x${d_ff}xf32>) -> tensor<${m}x${d_ff}xf32>
  %hidden = linalg.generic {indexing_maps = [#each, #column, #each], iterator_types = ["parallel", "parallel"]}
      ins(%product1, %b1 : tensor<${m}x${d_ff}xf32>, tensor<${d_ff}xf32>)
      outs(%empty_hidden : tensor<${m}x${d_ff}xf32>) {
  ^bb0(%in: f32, %bias: f32, %out: f32):
    %h = arith.addf %in, %bias : f32
    %h2 = arith.mulf %h, %h : f32
    %h3 = arith.mulf %h2, %h : f32
    %third = arith.mulf %h3, %cubic : f32
    %polynomial = arith.addf %h, %third : f32
    %argument = arith.mulf %polynomial, %sqrt_2_over_pi : f32
    %tanh = math.tanh %argument : f32
    %above = arith.addf %tanh, %one : f32
    %half_h = arith.mulf %h, %half : f32
    %gelu = arith.mulf %half_h, %above : f32
    linalg.yield %gelu : f32
  } -> tensor<${m}x${d_ff}xf32>
  %empty = tensor.empty() : tensor<${m}x${d_model}xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<${m}x${d_model}xf32>) -> tensor<${m}x${d_model}xf32>
  %product2 = linalg.matmul ins(%hidden, %w2 : tensor<${m}x${d_ff}xf32>, tensor<${d_ff}x${d_model}xf32>)
                            outs(%zeros : tensor<${m}x${d_model}xf32>) -> tensor<${m}x${d_model}xf32>
  %y = linalg.generic {indexing_maps = [#each, #column, #each], iterator_types = ["parallel", "parallel"]}
      ins(%product2, %b2 : tensor<${m}x${d_model}xf32>, tensor<${d_model}xf32>)
      outs(%empty : tensor<${m}x${d_model}xf32>) {
  ^bb0(%in: f32, %bias: f32, %out: f32):
    %sum = arith.addf %in, %bias : f32
    linalg.yield %sum : f32
  } -> tensor<${m}x${d_model}xf32>
  ${narrow}
  return ${result} : ${result_type}
}
