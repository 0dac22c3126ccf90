func.func @conv2d(%image: ${image}, %filters: ${filters}) -> ${result} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : ${result}
  %init = linalg.fill ins(%zero : f32) outs(%empty : ${result}) -> ${result}
  %c = ${convolution} {dilations = dense<1> : tensor<2xi64>, strides = dense<${stride}> : tensor<2xi64>}
      ins(%image, %filters : ${image}, ${filters}) outs(%init : ${result}) -> ${result}
  return %c : ${result}
}
