// x minus the logarithm of the sum of its row's exponentials.
#row = affine_map<(i, j) -> (i)>
#all = affine_map<(i, j) -> (i, j)>
func.func @log_softmax(%x: tensor<1024x1000xf32>) -> tensor<1024x1000xf32> {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %rows = tensor.empty() : tensor<1024xf32>
  %empty = tensor.empty() : tensor<1024x1000xf32>
  %least = linalg.fill ins(%lowest : f32) outs(%rows : tensor<1024xf32>) -> tensor<1024xf32>
  %most = linalg.reduce { arith.maximumf } ins(%x : tensor<1024x1000xf32>) outs(%least : tensor<1024xf32>)
    dimensions = [1]
  %none = linalg.fill ins(%zero : f32) outs(%rows : tensor<1024xf32>) -> tensor<1024xf32>
  %sums = linalg.generic {indexing_maps = [#all, #row, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x, %most : tensor<1024x1000xf32>, tensor<1024xf32>) outs(%none : tensor<1024xf32>) {
  ^bb0(%in: f32, %top: f32, %sum: f32):
    %shifted = arith.subf %in, %top : f32
    %power = math.exp %shifted : f32
    %more = arith.addf %sum, %power : f32
    linalg.yield %more : f32
  } -> tensor<1024xf32>
  %y = linalg.generic {indexing_maps = [#all, #row, #row, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %most, %sums : tensor<1024x1000xf32>, tensor<1024xf32>, tensor<1024xf32>)
      outs(%empty : tensor<1024x1000xf32>) {
  ^bb0(%in: f32, %top: f32, %sum: f32, %out: f32):
    %shifted = arith.subf %in, %top : f32
    %logarithm = math.log %sum : f32
    %result = arith.subf %shifted, %logarithm : f32
    linalg.yield %result : f32
  } -> tensor<1024x1000xf32>
  return %y : tensor<1024x1000xf32>
}
