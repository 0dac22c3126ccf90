#each = affine_map<(${loops}) -> (${loops})>
func.func @relu(%x: ${tensor}) -> ${tensor} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : ${tensor}
  %y = linalg.generic {indexing_maps = [#each, #each], iterator_types = [${parallel}]}
      ins(%x : ${tensor}) outs(%empty : ${tensor}) {
  ^bb0(%in: f32, %out: f32):
    %positive = arith.maximumf %in, %zero : f32
    linalg.yield %positive : f32
  } -> ${tensor}
  return %y : ${tensor}
}
