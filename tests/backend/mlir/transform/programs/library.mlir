// Functions that LLVM has no operation for.
func.func @library(%x: tensor<6x35xf32>, %y: tensor<6x35xf64>) -> (tensor<6x35xf32>, tensor<6x35xf64>) {
  %least = arith.constant -2.0 : f32
  %most = arith.constant 2.0 : f32
  %empty = tensor.empty() : tensor<6x35xf32>
  %wide = tensor.empty() : tensor<6x35xf64>
  %a = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<6x35xf32>) outs(%empty : tensor<6x35xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = math.clampf %in to [%least, %most] : f32
    %1 = math.erfc %0 : f32
    %2 = math.cbrt %1 : f32
    %3 = math.asinh %2 : f32
    %4 = math.sqrt %3 : f32
    %5 = math.acosh %most : f32
    %6 = arith.addf %4, %5 : f32
    linalg.yield %6 : f32
  } -> tensor<6x35xf32>
  %b = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<6x35xf64>) outs(%wide : tensor<6x35xf64>) {
  ^bb0(%in: f64, %out: f64):
    %0 = math.erf %in : f64
    %1 = math.atan %0 : f64
    %2 = math.atanh %1 : f64
    linalg.yield %2 : f64
  } -> tensor<6x35xf64>
  return %a, %b : tensor<6x35xf32>, tensor<6x35xf64>
}
