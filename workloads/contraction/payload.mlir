#left = affine_map<(${loops}) -> (${left})>
#right = affine_map<(${loops}) -> (${right})>
#output = affine_map<(${loops}) -> (${output})>
func.func @contraction(%a: ${a}, %b: ${b}) -> ${c} {
  %zero = ${zero} : ${element}
  %empty = tensor.empty() : ${c}
  %init = linalg.fill ins(%zero : ${element}) outs(%empty : ${c}) -> ${c}
  %c = linalg.generic {indexing_maps = [#left, #right, #output], iterator_types = [${iterators}]}
      ins(%a, %b : ${a}, ${b}) outs(%init : ${c}) {
  ^bb0(%x: ${element}, %y: ${element}, %total: ${element}):
    %product = ${multiply} %x, %y : ${element}
    %sum = ${add} %total, %product : ${element}
    linalg.yield %sum : ${element}
  } -> ${c}
  return %c : ${c}
}
