// Few results of many terms: a sum that starts from an argument, a maximum, and sums of three rows and of columns.
func.func @totals(%x: tensor<8208xf32>, %start: tensor<f32>, %r: tensor<3x8256xf32>, %c: tensor<2744x3xf32>)
    -> (tensor<f32>, tensor<f32>, tensor<3xf32>, tensor<3xf32>) {
  %zero = arith.constant 0.0 : f32
  %least = arith.constant 0xFF800000 : f32
  %sum = linalg.reduce { arith.addf } ins(%x : tensor<8208xf32>) outs(%start : tensor<f32>) dimensions = [0]
  %e = tensor.empty() : tensor<f32>
  %low = linalg.fill ins(%least : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %max = linalg.reduce { arith.maximumf } ins(%x : tensor<8208xf32>) outs(%low : tensor<f32>) dimensions = [0]
  %e3 = tensor.empty() : tensor<3xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%e3 : tensor<3xf32>) -> tensor<3xf32>
  %rows = linalg.reduce { arith.addf } ins(%r : tensor<3x8256xf32>) outs(%clear : tensor<3xf32>) dimensions = [1]
  %columns = linalg.reduce { arith.addf } ins(%c : tensor<2744x3xf32>) outs(%clear : tensor<3xf32>) dimensions = [0]
  return %sum, %max, %rows, %columns : tensor<f32>, tensor<f32>, tensor<3xf32>, tensor<3xf32>
}
