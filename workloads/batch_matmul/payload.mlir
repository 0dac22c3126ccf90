func.func @batch_matmul(${argument_a}: ${type_a}, ${argument_b}: ${type_b}) -> ${result_type} {
  ${widen_a}
  ${widen_b}
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<${b}x${m}x${n}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<${b}x${m}x${n}xf32>) -> tensor<${b}x${m}x${n}xf32>
  %c = linalg.batch_matmul ins(%a, %b : tensor<${b}x${m}x${k}xf32>, tensor<${b}x${k}x${n}xf32>)
                     outs(%init : tensor<${b}x${m}x${n}xf32>) -> tensor<${b}x${m}x${n}xf32>
  ${narrow}
  return ${result} : ${result_type}
}
