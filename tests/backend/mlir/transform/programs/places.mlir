// The largest element of each row, and its place.
#each = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
func.func @places(%x: tensor<6x20xf32>) -> (tensor<6xf32>, tensor<6xf32>) {
  %lowest = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<6xf32>
  %values = linalg.fill ins(%lowest : f32) outs(%empty : tensor<6xf32>) -> tensor<6xf32>
  %places = linalg.fill ins(%zero : f32) outs(%empty : tensor<6xf32>) -> tensor<6xf32>
  %y:2 = linalg.generic {indexing_maps = [#each, #row, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<6x20xf32>) outs(%values, %places : tensor<6xf32>, tensor<6xf32>) {
  ^bb0(%in: f32, %most: f32, %place: f32):
    %j = linalg.index 1 : index
    %number = arith.index_cast %j : index to i32
    %here = arith.sitofp %number : i32 to f32
    %more = arith.cmpf ogt, %in, %most : f32
    %value = arith.select %more, %in, %most : f32
    %found = arith.select %more, %here, %place : f32
    linalg.yield %value, %found : f32, f32
  } -> (tensor<6xf32>, tensor<6xf32>)
  return %y#0, %y#1 : tensor<6xf32>, tensor<6xf32>
}
