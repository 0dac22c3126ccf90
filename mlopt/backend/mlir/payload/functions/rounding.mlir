// Ways to bfloat16 and back.

// To the nearest bfloat16, the first half of a float32's bits, and to the even one from halfway: less than half a unit
// is added, or half a unit where the last bit kept is odd, and may carry as far as to infinity. NaN keeps its first
// bits, and one that says that it is quiet, so that it does not become an infinity.
func.func private @mlopt.truncf(%x: f32) -> bf16 {
  %one = arith.constant 1 : i32
  %half = arith.constant 16 : i32
  %nearly_half_unit = arith.constant 32767 : i32
  %quiet = arith.constant 4194304 : i32
  %bits = arith.bitcast %x : f32 to i32
  %kept = arith.shrui %bits, %half : i32
  %odd = arith.andi %kept, %one : i32
  %added = arith.addi %odd, %nearly_half_unit : i32
  %rounded = arith.addi %bits, %added : i32
  %quieted = arith.ori %bits, %quiet : i32
  %nan = arith.cmpf uno, %x, %x : f32
  %chosen = arith.select %nan, %quieted, %rounded : i32
  %high = arith.shrui %chosen, %half : i32
  %y_bits = arith.trunci %high : i32 to i16
  %y = arith.bitcast %y_bits : i16 to bf16
  return %y : bf16
}

// The float32 that begins with these bits.
func.func private @mlopt.extf(%x: bf16) -> f32 {
  %half = arith.constant 16 : i32
  %short = arith.bitcast %x : bf16 to i16
  %kept = arith.extui %short : i16 to i32
  %bits = arith.shli %kept, %half : i32
  %y = arith.bitcast %bits : i32 to f32
  return %y : f32
}
