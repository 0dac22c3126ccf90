func.func @maxpool(%image: ${image}) -> ${result} {
  %lowest = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : ${result}
  %init = linalg.fill ins(%lowest : f32) outs(%empty : ${result}) -> ${result}
  %window = tensor.empty() : ${window}
  %max = linalg.pooling_nchw_max {dilations = dense<1> : tensor<2xi64>, strides = dense<${stride}> : tensor<2xi64>}
      ins(%image, %window : ${image}, ${window}) outs(%init : ${result}) -> ${result}
  return %max : ${result}
}
