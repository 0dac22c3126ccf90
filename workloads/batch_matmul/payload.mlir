func.func @batch_matmul(%a: tensor<${b}x${m}x${k}xf32>, %b: tensor<${b}x${k}x${n}xf32>) -> tensor<${b}x${m}x${n}xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<${b}x${m}x${n}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<${b}x${m}x${n}xf32>) -> tensor<${b}x${m}x${n}xf32>
  %c = linalg.batch_matmul ins(%a, %b : tensor<${b}x${m}x${k}xf32>, tensor<${b}x${k}x${n}xf32>)
                     outs(%init : tensor<${b}x${m}x${n}xf32>) -> tensor<${b}x${m}x${n}xf32>
  return %c : tensor<${b}x${m}x${n}xf32>
}
