// Two recurrences in one loop of the program's own: of the steps h = tanh(w h + x), the last one and all of them.
#each = affine_map<(i) -> (i)>
func.func @recurrence(%x: tensor<7x18xf32>, %w: tensor<18x18xf32>, %first: tensor<18xf32>)
    -> (tensor<18xf32>, tensor<7x18xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<18xf32>
  %none = tensor.empty() : tensor<7x18xf32>
  %y:2 = scf.for %k = %c0 to %c7 step %c1 iter_args(%h = %first, %all = %none) -> (tensor<18xf32>, tensor<7x18xf32>) {
    %row = tensor.extract_slice %x[%k, 0] [1, 18] [1, 1] : tensor<7x18xf32> to tensor<18xf32>
    %clear = linalg.fill ins(%zero : f32) outs(%empty : tensor<18xf32>) -> tensor<18xf32>
    %product = linalg.matvec ins(%w, %h : tensor<18x18xf32>, tensor<18xf32>) outs(%clear : tensor<18xf32>)
      -> tensor<18xf32>
    %next = linalg.generic {indexing_maps = [#each, #each, #each], iterator_types = ["parallel"]}
        ins(%product, %row : tensor<18xf32>, tensor<18xf32>) outs(%empty : tensor<18xf32>) {
    ^bb0(%p: f32, %r: f32, %out: f32):
      %sum = arith.addf %p, %r : f32
      %step = math.tanh %sum : f32
      linalg.yield %step : f32
    } -> tensor<18xf32>
    %more = tensor.insert_slice %next into %all[%k, 0] [1, 18] [1, 1] : tensor<18xf32> into tensor<7x18xf32>
    scf.yield %next, %more : tensor<18xf32>, tensor<7x18xf32>
  }
  return %y#0, %y#1 : tensor<18xf32>, tensor<7x18xf32>
}
