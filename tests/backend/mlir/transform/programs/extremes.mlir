// The first places of the largest and of the smallest number of each row.
func.func @extremes(%x: tensor<6x35xf32>) -> (tensor<6xi64>, tensor<6xi64>) {
  %low = arith.constant 0xFF800000 : f32
  %high = arith.constant 0x7F800000 : f32
  %zero = arith.constant 0 : i64
  %e = tensor.empty() : tensor<6xf32>
  %max_start = linalg.fill ins(%low : f32) outs(%e : tensor<6xf32>) -> tensor<6xf32>
  %min_start = linalg.fill ins(%high : f32) outs(%e : tensor<6xf32>) -> tensor<6xf32>
  %p = tensor.empty() : tensor<6xi64>
  %places = linalg.fill ins(%zero : i64) outs(%p : tensor<6xi64>) -> tensor<6xi64>
  %max:2 = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i)>],
      iterator_types = ["parallel", "reduction"]
  } ins(%x : tensor<6x35xf32>) outs(%max_start, %places : tensor<6xf32>, tensor<6xi64>) {
  ^bb0(%a: f32, %best: f32, %last: i64):
    %index = linalg.index 1 : index
    %here = arith.index_cast %index : index to i64
    %value = arith.maximumf %a, %best : f32
    %more = arith.cmpf ogt, %a, %best : f32
    %found = arith.select %more, %here, %last : i64
    linalg.yield %value, %found : f32, i64
  } -> (tensor<6xf32>, tensor<6xi64>)
  %min:2 = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i)>],
      iterator_types = ["parallel", "reduction"]
  } ins(%x : tensor<6x35xf32>) outs(%min_start, %places : tensor<6xf32>, tensor<6xi64>) {
  ^bb0(%a: f32, %best: f32, %last: i64):
    %index = linalg.index 1 : index
    %here = arith.index_cast %index : index to i64
    %value = arith.minimumf %a, %best : f32
    %more = arith.cmpf olt, %a, %best : f32
    %found = arith.select %more, %here, %last : i64
    linalg.yield %value, %found : f32, i64
  } -> (tensor<6xf32>, tensor<6xi64>)
  return %max#1, %min#1 : tensor<6xi64>, tensor<6xi64>
}
