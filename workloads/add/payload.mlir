func.func @add(%x: ${tensor}, %y: ${tensor}) -> ${tensor} {
  %empty = tensor.empty() : ${tensor}
  %sum = linalg.add ins(%x, %y : ${tensor}, ${tensor}) outs(%empty : ${tensor}) -> ${tensor}
  return %sum : ${tensor}
}
