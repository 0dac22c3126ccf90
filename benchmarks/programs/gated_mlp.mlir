// The gated feed-forward block of language models: (silu(x g) * (x u)) d.
func.func @gated_mlp(%x: tensor<256x768xf32>, %g: tensor<768x2048xf32>, %u: tensor<768x2048xf32>,
                     %d: tensor<2048x768xf32>) -> tensor<256x768xf32> {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant dense<1.0> : tensor<256x2048xf32>
  %wide = tensor.empty() : tensor<256x2048xf32>
  %narrow = tensor.empty() : tensor<256x768xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%wide : tensor<256x2048xf32>) -> tensor<256x2048xf32>
  %a = linalg.matmul ins(%x, %g : tensor<256x768xf32>, tensor<768x2048xf32>)
    outs(%clear : tensor<256x2048xf32>) -> tensor<256x2048xf32>
  %b = linalg.matmul ins(%x, %u : tensor<256x768xf32>, tensor<768x2048xf32>)
    outs(%clear : tensor<256x2048xf32>) -> tensor<256x2048xf32>
  %negative = arith.negf %a : tensor<256x2048xf32>
  %power = math.exp %negative : tensor<256x2048xf32>
  %sum = arith.addf %power, %one : tensor<256x2048xf32>
  %silu = arith.divf %a, %sum : tensor<256x2048xf32>
  %gated = arith.mulf %silu, %b : tensor<256x2048xf32>
  %start = linalg.fill ins(%zero : f32) outs(%narrow : tensor<256x768xf32>) -> tensor<256x768xf32>
  %y = linalg.matmul ins(%gated, %d : tensor<256x2048xf32>, tensor<2048x768xf32>)
    outs(%start : tensor<256x768xf32>) -> tensor<256x768xf32>
  return %y : tensor<256x768xf32>
}
