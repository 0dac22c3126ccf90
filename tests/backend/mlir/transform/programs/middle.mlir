// The mean over the middle dimension: the terms of a sum lie between rows and vectors.
func.func @main(%rows: tensor<6x8x24xf32>) -> tensor<6x24xf32> {
  %zero = arith.constant 0.0 : f32
  %eighth = arith.constant 0.125 : f32
  %empty = tensor.empty() : tensor<6x24xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<6x24xf32>) -> tensor<6x24xf32>
  %sum = linalg.reduce ins(%rows : tensor<6x8x24xf32>) outs(%start : tensor<6x24xf32>) dimensions = [1]
    (%term: f32, %total: f32) {
      %next = arith.addf %term, %total : f32
      linalg.yield %next : f32
    }
  %mean = linalg.map ins(%sum : tensor<6x24xf32>) outs(%empty : tensor<6x24xf32>)
    (%total: f32, %old: f32) {
      %value = arith.mulf %total, %eighth : f32
      linalg.yield %value : f32
    }
  return %mean : tensor<6x24xf32>
}
