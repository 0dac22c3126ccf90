// A product of a complex matrix and a conjugated one.
func.func @conjugated_product(%a: tensor<7x5xcomplex<f32>>, %b: tensor<5x19xcomplex<f32>>)
    -> tensor<7x19xcomplex<f32>> {
  %zero = complex.constant [0.0 : f32, 0.0 : f32] : complex<f32>
  %empty = tensor.empty() : tensor<7x19xcomplex<f32>>
  %clear = linalg.fill ins(%zero : complex<f32>) outs(%empty : tensor<7x19xcomplex<f32>>) -> tensor<7x19xcomplex<f32>>
  %c = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>,
                                        affine_map<(i, j, k) -> (i, j)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<7x5xcomplex<f32>>, tensor<5x19xcomplex<f32>>) outs(%clear : tensor<7x19xcomplex<f32>>) {
  ^bb0(%x: complex<f32>, %y: complex<f32>, %total: complex<f32>):
    %conjugate = complex.conj %x : complex<f32>
    %product = complex.mul %conjugate, %y : complex<f32>
    %sum = complex.add %total, %product : complex<f32>
    linalg.yield %sum : complex<f32>
  } -> tensor<7x19xcomplex<f32>>
  return %c : tensor<7x19xcomplex<f32>>
}
