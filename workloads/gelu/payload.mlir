#each = affine_map<(${loops}) -> (${loops})>
func.func @gelu(%x: ${tensor}) -> ${tensor} {
  %half = arith.constant 0.5 : f32
  %one = arith.constant 1.0 : f32
  %sqrt_half = arith.constant 0.707106781186547524 : f32
  %empty = tensor.empty() : ${tensor}
  %y = linalg.generic {indexing_maps = [#each, #each], iterator_types = [${parallel}]}
      ins(%x : ${tensor}) outs(%empty : ${tensor}) {
  ^bb0(%in: f32, %out: f32):
    %scaled = arith.mulf %in, %sqrt_half : f32
    %erf = math.erf %scaled : f32
    %above = arith.addf %erf, %one : f32
    %half_in = arith.mulf %in, %half : f32
    %gelu = arith.mulf %half_in, %above : f32
    linalg.yield %gelu : f32
  } -> ${tensor}
  return %y : ${tensor}
}
