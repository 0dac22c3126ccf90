// Powers.

// By definition: an estimate refined by Newton steps takes more instructions, given 0, denormal numbers and infinity.
func.func private @mlopt.rsqrt(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f32
  %root = math.sqrt %x : f32
  %y = arith.divf %one, %root : f32
  return %y : f32
}

// |x|^y = 2^t with t = y log2 |x|, of which an error of 2^-24 would be one of the result: so in float64, where no |x|
// is denormal either. log2 |x| = e + log2(1 + f), as for log; log2(1 + f) = f q(f): degree 11, error 2^-33. 2^t = 2^n
// p(r), t = n + r, |r| <= 1/2: degree 6, error 2^-29; rounded to float32 it overflows, or underflows gradually. t is 0
// where x or y makes the result 1, whatever the other is. Where x < 0 the result is a number only for a whole y, and
// negative for an odd one; for -0 and -infinity any y will do.
func.func private @mlopt.powf(%x: f32, %y: f32) -> f32 {
  %zero = arith.constant 0.0 : f32
  %half = arith.constant 0.5 : f32
  %one = arith.constant 1.0 : f32
  %nan = arith.constant 0x7FC00000 : f32
  %inf = arith.constant 0x7F800000 : f32
  %minus_inf = arith.constant 0xFF800000 : f32
  %abs = math.absf %x : f32
  %a = arith.extf %abs : f32 to f64
  %ai = arith.bitcast %a : f64 to i64
  %root_bits = arith.constant 0x3FE6A09E667F3BCD : i64 // of sqrt(1/2)
  %offset = arith.constant 0x00095F619980C433 : i64 // from there to the bits of 1
  %exponent = arith.constant 52 : i64
  %mantissa = arith.constant 0x000FFFFFFFFFFFFF : i64
  %whole_bits = arith.constant 0x4330000000000000 : i64 // of 2^52, to which whole numbers can be added
  %bias = arith.constant 4503599627371519.0 : f64 // 2^52 + 1023
  %wide_one = arith.constant 1.0 : f64
  %d = arith.addi %ai, %offset : i64
  %e_bits = arith.shrui %d, %exponent : i64
  %ei = arith.ori %e_bits, %whole_bits : i64
  %biased = arith.bitcast %ei : i64 to f64
  %e = arith.subf %biased, %bias : f64
  %m0 = arith.andi %d, %mantissa : i64
  %mi = arith.addi %m0, %root_bits : i64
  %m = arith.bitcast %mi : i64 to f64
  %f = arith.subf %m, %wide_one : f64
  %c0 = arith.constant 1.4426950409394241 : f64
  %c1 = arith.constant -0.7213475252122606 : f64
  %c2 = arith.constant 0.48089832071969063 : f64
  %c3 = arith.constant -0.3606728006215146 : f64
  %c4 = arith.constant 0.28854064407929936 : f64
  %c5 = arith.constant -0.24050417167139496 : f64
  %c6 = arith.constant 0.206096242026157 : f64
  %c7 = arith.constant -0.17904698143358533 : f64
  %c8 = arith.constant 0.15900169403917574 : f64
  %c9 = arith.constant -0.1569822475266126 : f64
  %c10 = arith.constant 0.15485650320670466 : f64
  %c11 = arith.constant -0.08634484043437882 : f64
  %q10 = math.fma %c11, %f, %c10 : f64
  %q9 = math.fma %q10, %f, %c9 : f64
  %q8 = math.fma %q9, %f, %c8 : f64
  %q7 = math.fma %q8, %f, %c7 : f64
  %q6 = math.fma %q7, %f, %c6 : f64
  %q5 = math.fma %q6, %f, %c5 : f64
  %q4 = math.fma %q5, %f, %c4 : f64
  %q3 = math.fma %q4, %f, %c3 : f64
  %q2 = math.fma %q3, %f, %c2 : f64
  %q1 = math.fma %q2, %f, %c1 : f64
  %q = math.fma %q1, %f, %c0 : f64
  %log0 = math.fma %f, %q, %e : f64
  %finite = arith.cmpf olt, %abs, %inf : f32
  %log1 = arith.select %finite, %log0, %a : f64
  %pole = arith.cmpf oeq, %x, %zero : f32
  %wide_minus_inf = arith.constant 0xFFF0000000000000 : f64
  %log = arith.select %pole, %wide_minus_inf, %log1 : f64
  %wide_y = arith.extf %y : f32 to f64
  %t0 = arith.mulf %wide_y, %log : f64
  %unit = arith.cmpf oeq, %abs, %one : f32
  %nothing = arith.cmpf oeq, %y, %zero : f32
  %trivial = arith.ori %unit, %nothing : i1
  %wide_zero = arith.constant 0.0 : f64
  %t1 = arith.select %trivial, %wide_zero, %t0 : f64
  %lo = arith.constant -160.0 : f64
  %hi = arith.constant 130.0 : f64
  %low = arith.cmpf olt, %t1, %lo : f64
  %t2 = arith.select %low, %lo, %t1 : f64
  %high = arith.cmpf ogt, %t2, %hi : f64
  %t = arith.select %high, %hi, %t2 : f64
  %magic = arith.constant 6755399441056767.0 : f64
  %w = arith.addf %t, %magic : f64
  %n = arith.subf %w, %magic : f64
  %r = arith.subf %t, %n : f64
  %b0 = arith.constant 1.0000000005539647 : f64
  %b1 = arith.constant 0.6931472057381743 : f64
  %b2 = arith.constant 0.24022646892185168 : f64
  %b3 = arith.constant 0.055503287761753735 : f64
  %b4 = arith.constant 0.009618488806215509 : f64
  %b5 = arith.constant 0.001339993127354659 : f64
  %b6 = arith.constant 0.00015345848426925258 : f64
  %p5 = math.fma %b6, %r, %b5 : f64
  %p4 = math.fma %p5, %r, %b4 : f64
  %p3 = math.fma %p4, %r, %b3 : f64
  %p2 = math.fma %p3, %r, %b2 : f64
  %p1 = math.fma %p2, %r, %b1 : f64
  %p = math.fma %p1, %r, %b0 : f64
  %wi = arith.bitcast %w : f64 to i64
  %si = arith.shli %wi, %exponent : i64
  %s = arith.bitcast %si : i64 to f64
  %wide_power = arith.mulf %p, %s : f64
  %power = arith.truncf %wide_power : f64 to f32
  %below = arith.cmpf olt, %x, %zero : f32
  %inside = arith.cmpf ogt, %x, %minus_inf : f32
  %floor = math.floor %y : f32
  %broken = arith.cmpf une, %floor, %y : f32
  %number_below = arith.andi %below, %inside : i1
  %undefined = arith.andi %number_below, %broken : i1
  %whole = arith.cmpf oeq, %floor, %y : f32
  %half_y = arith.mulf %y, %half : f32
  %half_floor = math.floor %half_y : f32
  %not_even = arith.cmpf one, %half_floor, %half_y : f32
  %odd = arith.andi %whole, %not_even : i1
  %no_bits = arith.constant 0 : i32
  %sign_bit = arith.constant 0x80000000 : i32
  %xi = arith.bitcast %x : f32 to i32
  %sign = arith.andi %xi, %sign_bit : i32
  %flip = arith.select %odd, %sign, %no_bits : i32
  %pi = arith.bitcast %power : f32 to i32
  %zi = arith.xori %pi, %flip : i32
  %z0 = arith.bitcast %zi : i32 to f32
  %z = arith.select %undefined, %nan, %z0 : f32
  return %z : f32
}
