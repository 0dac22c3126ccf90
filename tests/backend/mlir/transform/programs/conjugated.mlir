// Products of conjugated complex matrices, an inner product, and arithmetic on what comes of it.
#left = affine_map<(i, j, k) -> (i, k)>
#right = affine_map<(i, j, k) -> (k, j)>
#result = affine_map<(i, j, k) -> (i, j)>
#element = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
func.func @conjugated(%a: tensor<7x5xcomplex<f32>>, %b: tensor<5x19xcomplex<f32>>)
    -> (tensor<7x19xcomplex<f32>>, tensor<7xcomplex<f32>>) {
  %zero = complex.constant [0.0 : f32, 0.0 : f32] : complex<f32>
  %empty = tensor.empty() : tensor<7x19xcomplex<f32>>
  %clear = linalg.fill ins(%zero : complex<f32>) outs(%empty : tensor<7x19xcomplex<f32>>) -> tensor<7x19xcomplex<f32>>
  %left = linalg.generic {indexing_maps = [#left, #right, #result],
                          iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<7x5xcomplex<f32>>, tensor<5x19xcomplex<f32>>) outs(%clear : tensor<7x19xcomplex<f32>>) {
  ^bb0(%x: complex<f32>, %y: complex<f32>, %total: complex<f32>):
    %conjugate = complex.conj %x : complex<f32>
    %product = complex.mul %conjugate, %y : complex<f32>
    %sum = complex.add %total, %product : complex<f32>
    linalg.yield %sum : complex<f32>
  } -> tensor<7x19xcomplex<f32>>
  %both = linalg.generic {indexing_maps = [#left, #right, #result],
                          iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<7x5xcomplex<f32>>, tensor<5x19xcomplex<f32>>) outs(%clear : tensor<7x19xcomplex<f32>>) {
  ^bb0(%x: complex<f32>, %y: complex<f32>, %total: complex<f32>):
    %first = complex.conj %x : complex<f32>
    %second = complex.conj %y : complex<f32>
    %product = complex.mul %second, %first : complex<f32>
    %sum = complex.add %product, %total : complex<f32>
    linalg.yield %sum : complex<f32>
  } -> tensor<7x19xcomplex<f32>>
  %difference = linalg.generic {indexing_maps = [#element, #element, #element],
                                iterator_types = ["parallel", "parallel"]}
      ins(%left, %both : tensor<7x19xcomplex<f32>>, tensor<7x19xcomplex<f32>>)
      outs(%empty : tensor<7x19xcomplex<f32>>) {
  ^bb0(%x: complex<f32>, %y: complex<f32>, %out: complex<f32>):
    %size = complex.abs %y : complex<f32>
    %part = complex.im %x : complex<f32>
    %z = complex.create %size, %part : complex<f32>
    %negative = complex.neg %x : complex<f32>
    %less = complex.sub %negative, %z : complex<f32>
    linalg.yield %less : complex<f32>
  } -> tensor<7x19xcomplex<f32>>
  %rows = tensor.empty() : tensor<7xcomplex<f32>>
  %start = linalg.fill ins(%zero : complex<f32>) outs(%rows : tensor<7xcomplex<f32>>) -> tensor<7xcomplex<f32>>
  %inner = linalg.generic {indexing_maps = [#element, #element, #row], iterator_types = ["parallel", "reduction"]}
      ins(%left, %both : tensor<7x19xcomplex<f32>>, tensor<7x19xcomplex<f32>>) outs(%start : tensor<7xcomplex<f32>>) {
  ^bb0(%x: complex<f32>, %y: complex<f32>, %total: complex<f32>):
    %conjugate = complex.conj %x : complex<f32>
    %product = complex.mul %conjugate, %y : complex<f32>
    %sum = complex.add %product, %total : complex<f32>
    linalg.yield %sum : complex<f32>
  } -> tensor<7xcomplex<f32>>
  return %difference, %inner : tensor<7x19xcomplex<f32>>, tensor<7xcomplex<f32>>
}
