// Tensors of booleans: one that is read as it was written and turned round, one that is a reduction, and a constant.
func.func @masks(%a: tensor<9x35xf32>, %b: tensor<9x35xf32>)
    -> (tensor<9x35xf32>, tensor<35x9xf32>, tensor<9xf32>) {
  %zero = arith.constant 0.0 : f32
  %no = arith.constant false
  %odd = arith.constant dense<[true, false, true, true]> : tensor<4xi1>
  %empty = tensor.empty() : tensor<9x35xi1>
  %positive = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
                              iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<9x35xf32>) outs(%empty : tensor<9x35xi1>) {
  ^bb0(%in: f32, %out: i1):
    %power = math.exp %in : f32
    %more = arith.cmpf ogt, %power, %in : f32
    %positive = arith.cmpf ogt, %in, %zero : f32
    %both = arith.andi %more, %positive : i1
    linalg.yield %both : i1
  } -> tensor<9x35xi1>
  %chosen = arith.select %positive, %a, %b : tensor<9x35xi1>, tensor<9x35xf32>
  %wide = tensor.empty() : tensor<35x9xf32>
  %turned = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (j, i)>,
                                             affine_map<(i, j) -> (i, j)>],
                            iterator_types = ["parallel", "parallel"]}
      ins(%positive, %b : tensor<9x35xi1>, tensor<9x35xf32>) outs(%wide : tensor<35x9xf32>) {
  ^bb0(%mask: i1, %in: f32, %out: f32):
    %one = arith.select %mask, %in, %zero : f32
    linalg.yield %one : f32
  } -> tensor<35x9xf32>
  %rows = tensor.empty() : tensor<9xi1>
  %start = linalg.fill ins(%no : i1) outs(%rows : tensor<9xi1>) -> tensor<9xi1>
  %some = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
                          iterator_types = ["parallel", "reduction"]}
      ins(%a : tensor<9x35xf32>) outs(%start : tensor<9xi1>) {
  ^bb0(%in: f32, %out: i1):
    %two = arith.constant 2.0 : f32
    %large = arith.cmpf ogt, %in, %two : f32
    %any = arith.ori %large, %out : i1
    linalg.yield %any : i1
  } -> tensor<9xi1>
  %numbers = tensor.empty() : tensor<9xf32>
  %n = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%some : tensor<9xi1>) outs(%numbers : tensor<9xf32>) {
  ^bb0(%mask: i1, %out: f32):
    %four = arith.constant 4 : index
    %place = linalg.index 0 : index
    %which = arith.remui %place, %four : index
    %kept = tensor.extract %odd[%which] : tensor<4xi1>
    %both = arith.andi %kept, %mask : i1
    %number = arith.uitofp %both : i1 to f32
    linalg.yield %number : f32
  } -> tensor<9xf32>
  return %chosen, %turned, %n : tensor<9x35xf32>, tensor<35x9xf32>, tensor<9xf32>
}
