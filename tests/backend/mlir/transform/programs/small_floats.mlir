// Products with sums of float32, and arithmetic, of bfloat16 and of float16.
func.func @small_floats(%a: tensor<6x10xbf16>, %b: tensor<10x35xbf16>, %x: tensor<6x10xf16>, %y: tensor<10x35xf16>)
    -> (tensor<6x35xf32>, tensor<6x35xf16>, tensor<6x10xbf16>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<6x35xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%empty : tensor<6x35xf32>) -> tensor<6x35xf32>
  %c = linalg.matmul ins(%a, %b : tensor<6x10xbf16>, tensor<10x35xbf16>)
    outs(%clear : tensor<6x35xf32>) -> tensor<6x35xf32>
  %none = arith.constant 0.0 : f16
  %small = tensor.empty() : tensor<6x35xf16>
  %start = linalg.fill ins(%none : f16) outs(%small : tensor<6x35xf16>) -> tensor<6x35xf16>
  %d = linalg.matmul ins(%x, %y : tensor<6x10xf16>, tensor<10x35xf16>)
    outs(%start : tensor<6x35xf16>) -> tensor<6x35xf16>
  %e = math.exp %a : tensor<6x10xbf16>
  %f = arith.addf %e, %a : tensor<6x10xbf16>
  return %c, %d, %f : tensor<6x35xf32>, tensor<6x35xf16>, tensor<6x10xbf16>
}
