func.func @matmul(${argument_a}: ${type_a}, ${argument_b}: ${type_b}) -> ${result_type} {
  ${widen_a}
  ${widen_b}
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<${m}x${n}xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<${m}x${n}xf32>) -> tensor<${m}x${n}xf32>
  %c = linalg.matmul ins(%a, %b : tensor<${m}x${k}xf32>, tensor<${k}x${n}xf32>)
                     outs(%init : tensor<${m}x${n}xf32>) -> tensor<${m}x${n}xf32>
  ${narrow}
  return ${result} : ${result_type}
}
