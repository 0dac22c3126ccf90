// A tensor of channels last, its sums over all but the channels taken off it, written channels first.
#last = affine_map<(n, c, h, w) -> (n, h, w, c)>
#channel = affine_map<(n, c, h, w) -> (c)>
#first = affine_map<(n, c, h, w) -> (n, c, h, w)>
func.func @turned(%x: tensor<2x5x18x20xf32>) -> tensor<2x20x5x18xf32> {
  %zero = arith.constant 0.0 : f32
  %sums = tensor.empty() : tensor<20xf32>
  %init = linalg.fill ins(%zero : f32) outs(%sums : tensor<20xf32>) -> tensor<20xf32>
  %s = linalg.reduce {arith.addf} ins(%x : tensor<2x5x18x20xf32>) outs(%init : tensor<20xf32>) dimensions = [0, 1, 2]
  %empty = tensor.empty() : tensor<2x20x5x18xf32>
  %y = linalg.generic {indexing_maps = [#last, #channel, #first],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %s : tensor<2x5x18x20xf32>, tensor<20xf32>) outs(%empty : tensor<2x20x5x18xf32>) {
  ^bb0(%in: f32, %sum: f32, %out: f32):
    %difference = arith.subf %in, %sum : f32
    linalg.yield %difference : f32
  } -> tensor<2x20x5x18xf32>
  return %y : tensor<2x20x5x18xf32>
}
