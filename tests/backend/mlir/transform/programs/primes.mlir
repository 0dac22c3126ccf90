// The sums of the rows of a product that is cut off below zero, all sizes prime.
#m = affine_map<(i, j) -> (i, j)>
func.func @main(%x: tensor<67x29xf32>, %w: tensor<29x53xf32>) -> tensor<67xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<67x53xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<67x53xf32>) -> tensor<67x53xf32>
  %p = linalg.matmul ins(%x, %w : tensor<67x29xf32>, tensor<29x53xf32>) outs(%f : tensor<67x53xf32>) -> tensor<67x53xf32>
  %r = linalg.generic {indexing_maps = [#m, #m], iterator_types = ["parallel", "parallel"]} ins(%p : tensor<67x53xf32>) outs(%e : tensor<67x53xf32>) {
  ^bb0(%v: f32, %o: f32):
    %t = arith.maximumf %v, %z : f32
    linalg.yield %t : f32
  } -> tensor<67x53xf32>
  %e2 = tensor.empty() : tensor<67xf32>
  %f2 = linalg.fill ins(%z : f32) outs(%e2 : tensor<67xf32>) -> tensor<67xf32>
  %q = linalg.generic {indexing_maps = [#m, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]} ins(%r : tensor<67x53xf32>) outs(%f2 : tensor<67xf32>) {
  ^bb0(%v: f32, %o: f32):
    %t = arith.addf %v, %o : f32
    linalg.yield %t : f32
  } -> tensor<67xf32>
  return %q : tensor<67xf32>
}
